"""One camera's message never breaks what shows the others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shutterbus_viewer import decode_plan
from shutterbus_viewer.decode_plan import memory_budget_bytes, plan
from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_wire.jpeg import Header, read_header
from viewer.fakes_viewer import LIVE, NOW_US, Viewer, frame, jpeg, picture, png, viewer

MB = 1_000_000


def nested(depth: int) -> Any:
    inner: Any = 1
    for _ in range(depth):
        inner = {"a": inner}
    return inner


def with_metadata(camera_metadata: Any, camera: str = "gate") -> LatestFrame:
    shown = picture(1, camera=camera)
    object.__setattr__(shown.frame.metadata, "camera_metadata", camera_metadata)
    return shown


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer() as running_viewer:
        running_viewer.cameras.show(picture(camera="yard"), "kafka")
        yield running_viewer


def test_metadata_nested_300_deep_is_shown_with_all_the_others(running: Viewer) -> None:
    running.cameras.show(with_metadata({"Deep": nested(300)}), "kafka")

    cameras = running.log_in().get("/api/cameras").json()["cameras"]

    assert [camera["id"] for camera in cameras] == ["gate", "yard"]
    assert cameras[0]["picture"]["metadata"] == {"Deep": nested(300)}
    assert running.http.get("/api/cameras/gate").status_code == 200


@pytest.mark.parametrize("value", [nested(5_000), float("nan"), float("inf")], ids=["deep", "nan", "inf"])
def test_metadata_that_cannot_be_passed_on_is_left_out_and_said_so(running: Viewer, value: Any) -> None:
    running.cameras.show(with_metadata({"Bad": value}), "kafka")
    http = running.log_in()

    gate, yard = http.get("/api/cameras").json()["cameras"]

    assert (gate["picture"]["metadata"], yard["id"]) == ({}, "yard")
    assert "the metadata of its newest picture cannot be passed on and is left out" in gate["problems"]
    with http.websocket_connect(LIVE) as socket:
        greeting = json.loads(socket.receive_text(), parse_constant=pytest.fail)
        assert [camera["id"] for camera in greeting["cameras"]] == ["gate", "yard"]
        socket.send_json({"type": "watch", "cameras": {"gate": {"width": 0}}})
        while (message := socket.receive()).get("bytes") is None:
            json.loads(message["text"], parse_constant=pytest.fail)
    assert http.get("/metrics").status_code == 200


@pytest.mark.parametrize("text", ["\ud800", "\u2028</script>", "\0"])
def test_text_of_any_kind_is_passed_on(running: Viewer, text: str) -> None:
    running.cameras.show(with_metadata({"Text": text}), "kafka")

    (gate, _) = running.log_in().get("/api/cameras").json()["cameras"]

    assert gate["picture"]["metadata"] == {"Text": text}


def claims(
    size_px: tuple[int, int], *, progressive: bool, factors: tuple[int, ...] = (0x22, 0x11, 0x11)
) -> bytes:
    """Return the header of a JPEG of this size; its scan would be behind."""
    width_px, height_px = size_px
    components = b"".join(bytes((number + 1, factor, 0)) for number, factor in enumerate(factors))
    frame_of = b"\x08" + height_px.to_bytes(2) + width_px.to_bytes(2) + bytes((len(factors),)) + components
    scan = (
        bytes((len(factors),))
        + b"".join(bytes((number + 1, 0)) for number in range(len(factors)))
        + b"\0\x3f\0"
    )
    sof = b"\xff\xc2" if progressive else b"\xff\xc0"
    return b"".join(
        (
            b"\xff\xd8",
            sof,
            (len(frame_of) + 2).to_bytes(2),
            frame_of,
            b"\xff\xda",
            (len(scan) + 2).to_bytes(2),
            scan,
        )
    )


LARGE = (8_192, 8_192)


def claimed(*, progressive: bool, factors: tuple[int, ...] = (0x22, 0x11, 0x11)) -> Header:
    """Return the header of a large JPEG as the viewer reads it."""
    return read_header(claims(LARGE, progressive=progressive, factors=factors))


@pytest.mark.parametrize(
    ("to_px", "divisor", "most_mb"),
    [(64, 8, 8), (1_024, 8, 10), (1_088, 4, 30), (3_840, 2, 145), (4_096, 2, 152)],
)
def test_decoding_is_bounded_by_what_the_width_needs(to_px: int, divisor: int, most_mb: int) -> None:
    how = plan(claimed(progressive=False), to_px, 170 * MB)

    assert how.divisor == divisor
    assert how.cost_bytes < most_mb * MB


def test_where_the_width_asked_for_does_not_fit_a_smaller_one_is_made() -> None:
    assert plan(claimed(progressive=False), 8_000, 170 * MB).divisor == 2


@pytest.mark.parametrize("factors", [(0x11,), (0x11, 0x11, 0x11), (0x22, 0x11, 0x11), (0x21, 0x11, 0x11)])
def test_progressive_picture_costs_all_its_coefficients_at_any_width(factors: tuple[int, ...]) -> None:
    across, down = max(factor >> 4 for factor in factors), max(factor & 15 for factor in factors)
    samples = sum((factor >> 4) * (factor & 15) for factor in factors) / (across * down)

    how = plan(claimed(progressive=True, factors=factors), 64, 1_000 * MB)

    assert how.cost_bytes - plan(claimed(progressive=False), 64, 1_000 * MB).cost_bytes == int(
        2 * samples * 8_192 * 8_192
    )


def test_scan_of_one_colour_alone_costs_like_a_progressive_picture() -> None:
    whole = claims(LARGE, progressive=False)
    single = whole[: whole.index(b"\xff\xda")] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"

    with pytest.raises(UndrawableError, match="has its pixels in several scans"):
        plan(read_header(single), 64, 170 * MB)


def test_large_progressive_picture_is_refused_with_what_to_do_and_passed_on_as_it_is(running: Viewer) -> None:
    """It is 394 kB; the browser of the one person who asks for it may well show it."""
    original = claims(LARGE, progressive=True)
    large_frame = frame(1, camera="gate")
    object.__setattr__(large_frame, "data", original)
    running.cameras.show(LatestFrame(large_frame, NOW_US), "kafka")
    running.services.thumbnails._budget_bytes = 170 * MB
    http = running.log_in()

    refused = http.get("/api/cameras/gate/latest.jpg?width=3840")

    assert refused.status_code == 502
    assert refused.json()["detail"] == (
        "the newest picture of gate is 8192 x 8192 pixels and has its pixels in several scans: to scale it takes "
        "210.8 MB of memory, 170.0 MB are allowed; without a width it is passed on as it is"
    )
    assert http.get("/api/cameras/gate/latest.jpg").content == original
    assert "undrawable" in str(http.get("/api/cameras/gate").json()["problems"])
    assert http.get("/api/cameras/yard/latest.jpg?width=32").status_code == 200


def test_png_is_decoded_whole() -> None:
    assert plan(read_header(png(640, 480)), 64, 170 * MB).divisor == 1


@pytest.mark.parametrize(
    ("said", "budget"),
    [("536870912\n", 178_956_970), ("max\n", 512 * 1024**2), ("9223372036854771712", 512 * 1024**2)],
)
def test_memory_for_decoding_follows_from_the_containers_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, budget: int
) -> None:
    (tmp_path / "limit").write_text(said)
    monkeypatch.setattr(decode_plan, "LIMIT_FILES", (str(tmp_path / "none"), str(tmp_path / "limit")))
    memory_budget_bytes.cache_clear()
    try:
        assert memory_budget_bytes() == budget
    finally:
        memory_budget_bytes.cache_clear()


def test_plan_of_a_real_picture_fits_it() -> None:
    assert plan(read_header(jpeg(1_280, 720)), 320, 170 * MB).divisor == 4
