"""A viewer on a machine that is too small says which of its operations are slow."""

import asyncio

import pytest

from fakes import FakeClock
from shutterbus_transport.consuming import Delivery
from shutterbus_viewer.consume import intake as module
from shutterbus_viewer.decode_plan import Plan
from shutterbus_viewer.scaling import scaled
from shutterbus_viewer.show.thumbnails import Thumbnails
from shutterbus_wire.frame import Frame
from shutterbus_wire.message import decode_frame
from viewer.fakes_viewer import arrival, jpeg, picture, viewer


def test_slow_decode_is_named_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with viewer() as running:

        def slow(*arguments: object, **options: object) -> Frame:
            running.clock.pass_s(1.25)
            return decode_frame(*arguments, **options)  # type: ignore[arg-type] # handed on as they are

        monkeypatch.setattr(module, "decode_frame", slow)
        for seq in range(3):
            running.intake.frame(Delivery(arrival(seq)))
        metrics = running.log_in().get("/metrics").text

    assert "decode took 1.2 s: look at what else keeps this machine's processors busy" in caplog.messages
    assert 'shutterbus_viewer_slow_operations_total{operation="decode"} 3.0' in metrics
    assert 'shutterbus_viewer_slow_operations_total{operation="scale"} 0.0' in metrics


def test_slow_scaling_is_named_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()

    def slow(data: bytes, how: Plan, to_width_px: int) -> bytes:
        clock.pass_s(2.0)
        return scaled(data, how, to_width_px)

    thumbnails = Thumbnails(lambda _: picture(picture=jpeg(640, 480)), slow, clock=clock)
    asyncio.run(thumbnails.jpeg("gate", 64))

    assert thumbnails.scaling.count == 1
    assert caplog.messages[0].startswith("scale took 2.0 s: look at")
