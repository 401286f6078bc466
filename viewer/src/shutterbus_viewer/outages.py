"""When brokers could not be reached: in that time nothing is known of the cameras behind them, and none is to blame."""

from collections.abc import Collection
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Outage:
    """One time without a broker.

    Attributes:
        sentence: What is wrong, as it was said last.
        since_us: Since when, us since 1970; *since_s* the same on the monotonic clock.
        until_us: When it ended; None while it lasts.
    """

    sentence: str
    since_us: int
    since_s: float
    until_us: int | None = None
    until_s: float | None = None

    def overlap_s(self, from_s: float, now_s: float) -> float:
        """Return how much of the time from *from_s* to *now_s* lies in it."""
        until_s = now_s if self.until_s is None else self.until_s
        return max(0.0, min(now_s, until_s) - max(from_s, self.since_s))


class Outages:
    """The last outage of each connection. For the lock of ``Cameras``."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, Outage]] = {}

    def note(self, source: str, transport: str, sentence: str, now_s: float, now_us: int) -> bool:
        """Note that *source*, a connection of *transport*, is down, or with no *sentence* up; say whether that is new."""
        _, last = self._last.get(source, (transport, None))
        lasting = last if last and last.until_us is None else None
        if sentence == (lasting.sentence if lasting else ""):
            return False
        if lasting is None:
            changed = Outage(sentence, now_us, now_s)
        elif sentence:
            changed = replace(lasting, sentence=sentence)
        else:
            changed = replace(lasting, until_us=now_us, until_s=now_s)
        self._last[source] = transport, changed
        return True

    def current(self) -> list[Outage]:
        """Return those that last, oldest first, each sentence once."""
        lasting = sorted(
            (outage for _, outage in self._last.values() if outage.until_us is None),
            key=lambda outage: outage.since_s,
        )
        return list({outage.sentence: outage for outage in reversed(lasting)}.values())[::-1]

    def of(self, transports: Collection[str]) -> Outage | None:
        """Return the outage of a camera that is heard by *transports*: one that lasts, if all are away, else the last one."""
        outages = [outage for transport, outage in self._last.values() if transport in transports]
        lasting = [outage for outage in outages if outage.until_us is None]
        away = {transport for transport, outage in self._last.values() if outage.until_us is None}
        if lasting and away >= set(transports):
            return min(lasting, key=lambda outage: outage.since_s)
        return max(
            (outage for outage in outages if outage.until_s),
            key=lambda outage: outage.until_s or 0.0,
            default=None,
        )
