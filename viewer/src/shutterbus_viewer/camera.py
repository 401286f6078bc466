"""What is known of one camera."""

from dataclasses import dataclass, field

from shutterbus_viewer.drops import RecentDrops
from shutterbus_viewer.latest import Newest
from shutterbus_viewer.outages import Outage
from shutterbus_viewer.rate import Rate
from shutterbus_viewer.readings import Readings
from shutterbus_wire.telemetry import Reading, Report, Status

REPORT_INTERVAL_S = 60.0
REPORTS_MISSED = 2.5
"""A camera that misses this many reports is taken for offline, though nobody said so."""

TROUBLE_KEPT_S = 3_600.0


@dataclass(slots=True)
class Trouble:
    """Messages that could not be used, for one reason; *at_s* is when the last came, on the monotonic clock."""

    count: int
    sentence: str
    at_s: float


@dataclass(slots=True)
class Camera:
    """Filled by the consumers under the lock of ``Cameras``.

    Attributes:
        transports: By which it was heard.
        shown_s: When a good picture last came, on the monotonic clock.
        heard_s: Last sign of life on the monotonic clock; None before any.
        heard_us: The same in us since 1970 by our clock.
        told_online: What the pages were told last.
        outage: When its broker was away last; None if it never was.
    """

    id: str
    newest: Newest = field(default_factory=Newest)
    rate: Rate = field(default_factory=Rate)
    readings: Readings = field(default_factory=Readings)
    drops: RecentDrops = field(default_factory=RecentDrops)
    status: Status | None = None
    report: Report | None = None
    report_interval_s: float = REPORT_INTERVAL_S
    transports: set[str] = field(default_factory=set)
    shown_s: float = 0.0
    heard_s: float | None = None
    heard_us: int = 0
    troubles: dict[str, Trouble] = field(default_factory=dict)
    told_online: bool | None = None
    outage: Outage | None = None

    def heard(self, now_s: float, now_us: int, age_s: float) -> None:
        """Note a sign of life that its broker received *age_s* ago."""
        if self.heard_s is None or now_s - age_s > self.heard_s:
            self.heard_s, self.heard_us = now_s - age_s, now_us - int(age_s * 1e6)

    def online_at(self, now_s: float) -> bool | None:
        """Whether it is there: by its own word, unless it has been silent too long; None before any word.

        While its broker is away it cannot be heard, so that time does not count.
        """
        if self.status is None:
            return None
        if self.status.state == "offline" or self.heard_s is None:
            return False
        unheard_s = self.outage.overlap_s(self.heard_s, now_s) if self.outage else 0.0
        return now_s - self.heard_s - unheard_s <= REPORTS_MISSED * self.report_interval_s

    def since_us(self, now_s: float) -> int | None:
        """Return since when it is online or offline, us since 1970; None where it never said.

        The words of its will were written when it connected, so it was there at least until its last sign of life.
        """
        if self.status is None:
            return None
        if self.online_at(now_s):
            return self.status.since_us
        return max(self.status.since_us if self.status.state == "offline" else 0, self.heard_us)

    def take(self, telemetry: Status | Report | Reading, now_s: float) -> None:
        """Take *telemetry* in; what is older than what is known changes nothing."""
        if isinstance(telemetry, Reading):
            self.readings.note(telemetry)
        elif isinstance(telemetry, Status):
            # Its place keeps one, and in a log a later one stands behind: the last to arrive is the one that counts.
            self.status = telemetry
        elif self.report is None or _newer(telemetry, self.report):
            self._learn_interval(telemetry)
            self.drops.note(telemetry, now_s)
            self.report = telemetry
            if self.status is None or telemetry.at_us >= self.status.since_us:
                self.status = telemetry.status

    def _learn_interval(self, report: Report) -> None:
        last = self.report
        if last and (last.epoch, last.seq + 1, last.event) == (report.epoch, report.seq, report.event):
            gap_s = (report.at_us - last.at_us) / 1e6
            self.report_interval_s = min(max(gap_s, REPORT_INTERVAL_S), 86_400.0)


def _newer(report: Report, last: Report) -> bool:
    if report.epoch == last.epoch:
        return report.seq > last.seq
    return report.at_us > last.at_us
