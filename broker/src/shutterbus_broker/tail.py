"""``tail``: a line for each message on both brokers, as it comes."""

import datetime as dt
import queue
from collections.abc import Callable, Iterator
from typing import TypeAlias

from shutterbus_broker.errors import UnreachableError
from shutterbus_broker.installation import Installation
from shutterbus_runtime.clock import SystemClock
from shutterbus_runtime.stop_signals import at_stop_signal
from shutterbus_transport import TRANSPORTS, transport
from shutterbus_transport.consuming import Delivery, Handler, Reader, Subscription
from shutterbus_transport.probe import obstacle
from shutterbus_wire.message import Arrival

Say = Callable[[str], None]
Queue: TypeAlias = "queue.SimpleQueue[Arrival | str | None]"
_ENDED = None


def run(installation: Installation, say: Say) -> None:
    """Print until interrupted; raise SetupError when no broker can be listened to."""
    arrivals: Queue = queue.SimpleQueue()
    at_stop_signal(lambda: arrivals.put(_ENDED))
    readers: list[Reader] = []
    obstacles: list[str] = []
    for kind in (name for name in TRANSPORTS if name in installation.profiles()):
        settings = installation.broker(kind, "setup")
        if problem := obstacle(settings, settings.brokers[0]):
            obstacles.append(problem)
        else:
            subscription = Subscription(begin="now")
            readers += transport(kind).readers(settings, subscription, Noting(arrivals), SystemClock())
    if not readers:
        raise UnreachableError("; ".join(obstacles))
    for problem in obstacles:
        say(f"Careful: {problem}")
    for reader in readers:
        reader.start()
    for line in lines(iter(arrivals.get, _ENDED)):
        say(line)


def lines(arrivals: Iterator[Arrival | str | None]) -> Iterator[str]:
    """Yield the line for each of *arrivals*: when, where, which lane, which id, how large; sentences as they are."""
    for arrival in arrivals:
        if isinstance(arrival, str):
            yield arrival
            continue
        assert arrival is not None
        at = dt.datetime.fromtimestamp(arrival.arrived_at_us / 1e6, dt.UTC)
        about = arrival.attributes
        kind = about.get("type", "").removeprefix("shutterbus.") or arrival.content_type or "?"
        kept = "kept" if arrival.retained else about.get("lane", "-")
        yield (
            f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}Z {arrival.transport:5} {arrival.topic:34} {kind:10} {kept:7} "
            f"{about.get('id', '-'):36} {len(arrival.value):>8} bytes"
        )


class Noting(Handler):
    """Puts what comes into the queue, whatever it is."""

    def __init__(self, arrivals: Queue) -> None:
        self._arrivals = arrivals
        self._said: dict[str, str] = {}

    def frame(self, delivery: Delivery) -> bool:
        self._arrivals.put(delivery.arrival)
        return True

    def telemetry(self, delivery: Delivery) -> None:
        self._arrivals.put(delivery.arrival)

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:  # noqa: ARG002 (the line says so by what it lacks)
        self._arrivals.put(delivery.arrival)

    def outage(self, source: str, _transport: str, sentence: str) -> None:
        if self._said.get(source) != sentence:
            self._said[source] = sentence
            self._arrivals.put(f"Careful: {sentence}" if sentence else f"Listening to {source} ...")
