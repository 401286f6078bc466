"""What the readers of all transports have in common. Their promises, on real brokers, are in test_promises."""

import logging
import threading

import pytest

from fakes import FakeClock
from shutterbus_runtime.clock import SystemClock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.consuming import Delivery, Handler
from shutterbus_transport.reader_thread import ReaderThread


class Listener(Handler):
    """Notes outages and turns."""

    def __init__(self) -> None:
        self.outages: list[tuple[str, str, str]] = []
        self.turned = threading.Event()

    def frame(self, delivery: Delivery) -> bool:
        raise AssertionError

    def telemetry(self, delivery: Delivery) -> None:
        raise AssertionError

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        raise AssertionError

    def outage(self, source: str, transport: str, sentence: str) -> None:
        self.outages.append((source, transport, sentence))

    def turn(self, *, more: bool) -> None:
        assert not more
        self.turned.set()


class IdleReader(ReaderThread):
    """Reads nothing for an hour."""

    def run(self) -> None:
        self._idle(3600)


def reader(listener: Listener, clock: FakeClock | SystemClock) -> IdleReader:
    outage = Outage("post (letters)", clock, logging.getLogger("post"))
    return IdleReader("post-letters", "post", "The post at 7 Mill Lane", listener, clock, outage)


def test_an_outage_is_logged_once_and_told_to_the_handler_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The handler may have come later; the log has seen it."""
    caplog.set_level(logging.INFO)
    listener, clock = Listener(), FakeClock()
    idle_reader = reader(listener, clock)
    for _ in range(2):
        idle_reader._note_away("it is closed")
    assert not idle_reader.connected
    clock.pass_s(30)
    for _ in range(2):
        idle_reader._note_connected()

    assert idle_reader.connected
    assert caplog.messages == ["post (letters): it is closed", "post (letters): back after 30 s"]
    away = ("post-letters", "post", "The post at 7 Mill Lane cannot be reached: it is closed")
    assert listener.outages == [away, away, *[("post-letters", "post", "")] * 2]


def test_a_reader_that_waits_gives_its_handler_a_turn_and_stops_at_once() -> None:
    """A group that is open must be closed also while the broker is away; and a stop waits for no broker."""
    listener = Listener()
    idle_reader = reader(listener, SystemClock())
    idle_reader.start()

    assert listener.turned.wait(20)
    assert idle_reader.is_alive()
    idle_reader.stop()
    idle_reader.join(20)
    assert not idle_reader.is_alive()
