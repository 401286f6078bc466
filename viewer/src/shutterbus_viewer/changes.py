"""From the threads that consume to the one loop that shows: what changed, never how often.

Consumers must not wait for browsers, and browsers must not see everything late. So a change is a note that
something is newer now; a listener looks up what it is at the moment it can use it.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from shutterbus_wire.telemetry import Reading

READINGS_HELD = 1_000


@dataclass(slots=True)
class Change:
    """What is newer since the last one.

    Attributes:
        pictures: Cameras with a newer picture.
        states: Cameras of which something else is newer.
        readings: New readings, oldest first; the oldest go first when nobody takes them.
        outages: Whether a broker went away or came back.
    """

    pictures: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    readings: list[Reading] = field(default_factory=list)
    outages: bool = False


class Changes:
    """Collects from any thread; tells listeners on the loop that ``attach`` was called on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._collected = Change()
        self._due = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Callable[[Change], None]] = set()

    def attach(self) -> None:
        """Tell listeners on the running loop from now on."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._due = False
        self._wake()

    def detach(self) -> None:
        """Tell nobody any more: the loop is about to close."""
        with self._lock:
            self._loop = None

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call *listener* on the loop with each change; return what ends it. Only on the loop."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def picture(self, camera: str) -> None:
        with self._lock:
            self._collected.pictures.add(camera)
        self._wake()

    def state(self, camera: str) -> None:
        with self._lock:
            self._collected.states.add(camera)
        self._wake()

    def reading(self, reading: Reading) -> None:
        with self._lock:
            self._collected.readings.append(reading)
            del self._collected.readings[:-READINGS_HELD]
        self._wake()

    def outage(self) -> None:
        with self._lock:
            self._collected.outages = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._due or self._loop is None:
                return
            # A loop that closes in this moment has no listeners left to tell.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._tell)
                self._due = True

    def _tell(self) -> None:
        with self._lock:
            change, self._collected, self._due = self._collected, Change(), False
        for listener in tuple(self._listeners):
            listener(change)
