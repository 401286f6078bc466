"""What the readers of all transports have in common: a thread that can be stopped and held, and outages that are told once."""

import threading
from collections.abc import Mapping

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.consuming import Handler


class ReaderThread(threading.Thread):
    """Base of a ``Reader``; its ``run`` is the transport's. ``stop``, ``pause`` and ``resume`` may come from any thread.

    Attributes:
        connected, lag: See ``Reader``.
    """

    def __init__(
        self, name: str, transport: str, broker: str, handler: Handler, clock: Clock, outage: Outage
    ) -> None:
        """Make the thread, not started.

        Args:
            name: See ``Reader``.
            transport: As ``Transport.name`` says it.
            broker: Begins the sentence about one that is away, such as ``Kafka at kafka.example.org:9092``.
            handler: Is told of outages, and has its turn while there is nothing to read.
            clock: What the waiting goes by.
            outage: What the log is told.
        """
        super().__init__(name=name, daemon=True)
        self.connected = False
        self.lag: Mapping[str, int] = {}
        self._transport = transport
        self._broker = broker
        self._handler = handler
        self._clock = clock
        self._outage = outage
        self._end = threading.Event()
        self._paused = threading.Event()

    def stop(self) -> None:
        self._end.set()

    def pause(self) -> None:
        self._paused.set()

    def resume(self) -> None:
        self._paused.clear()

    def _note_connected(self) -> None:
        """Note that the broker is there, however often that is found."""
        self.connected = True
        self._outage.succeeded()
        self._tell("")

    def _note_away(self, reason: str) -> None:
        """Note that it is not, however often that is found."""
        self.connected = False
        self._outage.failed(reason)
        self._tell(f"{self._broker} cannot be reached: {reason}")

    def _tell(self, sentence: str) -> None:
        self._handler.outage(self.name, self._transport, sentence)

    def _idle(self, duration_s: float) -> None:
        """Give the handler its turn and wait, not beyond ``stop``."""
        self._handler.turn(more=False)
        self._clock.wait(duration_s, self._end)
