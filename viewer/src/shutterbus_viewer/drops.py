"""How many pictures a camera has dropped lately: what its reports count up, less what is old news."""

from collections import deque

from shutterbus_wire.telemetry import Report

KEPT_S = 86_400.0
MERGED_S = 900.0


class RecentDrops:
    """Counts what the viewer heard of within a day."""

    def __init__(self) -> None:
        self._heard: deque[tuple[float, int]] = deque()
        self._epoch = ""
        self._total = 0

    def note(self, report: Report, now_s: float) -> None:
        """Take in a newer *report*; *now_s* is on the monotonic clock."""
        total = sum(
            dropped.count for part in (report.dropped, report.earlier_dropped) for dropped in part.values()
        )
        new = total - self._total if report.epoch == self._epoch else total
        self._epoch, self._total = report.epoch, total
        if new <= 0:
            return
        if self._heard and now_s - self._heard[-1][0] < MERGED_S:
            at_s, before = self._heard.pop()
            self._heard.append((at_s, before + new))
        else:
            self._heard.append((now_s, new))

    def within_a_day(self, now_s: float) -> int:
        """Return how many."""
        while self._heard and now_s - self._heard[0][0] > KEPT_S:
            self._heard.popleft()
        return sum(many for _, many in self._heard)
