"""What three cameras did on two days of Berlin, for ``kept_past``: when each took a picture, and what it said beside."""

import itertools
import math
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shutterbus_wire import instant
from shutterbus_wire.identity import FrameId
from shutterbus_wire.telemetry import Reading, Report, Status

ZONE = ZoneInfo("Europe/Berlin")
STREET_EPOCHS = ("5712ee7000000001", "5712ee7000000002")
YARD_EPOCH, TOWER_EPOCH = "9a2d000000000001", "703e200000000001"
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
JITTER_US = 40_000
"""No camera takes its pictures on the dot."""
REPORT_EVERY = 20


class Shot(NamedTuple):
    """A picture of a camera: which one it is, and when it is taken."""

    camera: str
    id: FrameId
    at_us: int


class Days:
    """The day in which *end_us* lies, as far as to there, and the whole day before; *scale* as in ``kept_past.make``."""

    def __init__(self, end_us: int, scale: float) -> None:
        self.end_us = end_us
        self._scale = scale
        self._first = instant.at(end_us - 1).astimezone(ZONE).date() - timedelta(days=1)
        self.begin_us = self._us(0, 0)
        self.street_off_us = self._us(0, 10, 30), self._us(0, 14)
        self.no_readings_us = self._us(0, 15), self._us(0, 19)

    def shots(self) -> list[Shot]:
        """Return what was taken, in order."""
        off_us, on_us = self.street_off_us
        morning = [(self._us(0, 7), off_us)]
        after = [(on_us, self._us(0, 19)), (self._us(1, 7), self._us(1, 19))]
        always = [(self.begin_us, self.end_us)]
        shots = itertools.chain(
            self._shots("street", STREET_EPOCHS[0], morning, 30 * SECOND_US),
            self._shots("street", STREET_EPOCHS[1], after, 30 * SECOND_US),
            self._shots("yard", YARD_EPOCH, always, MINUTE_US),
            self._shots("tower", TOWER_EPOCH, always, 10 * MINUTE_US),
        )
        return sorted(shots, key=lambda shot: shot.at_us)

    def readings(self) -> Iterator[Reading]:
        """Yield what the sensor in the yard said."""
        seq = itertools.count()
        from_us, to_us = self.no_readings_us
        for at_us in range(self.begin_us, self.end_us, self._interval_us(MINUTE_US)):
            if not from_us <= at_us < to_us:
                wave = math.sin((at_us / 3.6e9 - 8) / 24 * math.tau)
                temperature, humidity = round(9 + 5 * wave, 1), round(75 - 15 * wave)
                yield Reading(
                    camera="yard",
                    epoch=YARD_EPOCH,
                    seq=next(seq),
                    at_us=at_us,
                    sensor="outside",
                    values={"temperature": temperature, "relative_humidity": humidity},
                    units={"temperature": "°C", "relative_humidity": "%"},
                )

    def _shots(
        self, camera: str, epoch: str, stretches: Iterable[tuple[int, int]], interval_us: int
    ) -> Iterator[Shot]:
        seq = itertools.count()
        for from_us, to_us in stretches:
            for at_us in range(from_us, to_us - JITTER_US, self._interval_us(interval_us)):
                number = next(seq)
                yield Shot(camera, FrameId(epoch, number), at_us + number * 7_919 % JITTER_US)

    def _interval_us(self, interval_us: int) -> int:
        return round(interval_us / self._scale)

    def _us(self, day: int, hour: int, minute: int = 0) -> int:
        """Return when it is that time of the first or second day, *day* 0 or 1; at most the end."""
        at = datetime.combine(self._first + timedelta(days=day), time(hour, minute), ZONE)
        return min(int(at.timestamp()) * SECOND_US, self.end_us)


def reports(shots: Iterable[Shot]) -> Iterator[Report]:
    """Yield what the edge of one camera reports, which took *shots*: when it starts, now and then, and when it is stopped."""
    number = itertools.count()
    epochs = [list(taken) for _, taken in itertools.groupby(shots, lambda shot: shot.id.epoch)]
    for taken in epochs:
        for shot in taken[::REPORT_EVERY]:
            yield _report(shot, taken[0], "minute" if shot.id.seq else "start", next(number))
        if taken is not epochs[-1]:
            yield _report(taken[-1], taken[0], "stop", next(number))


def _report(shot: Shot, first: Shot, event: str, seq: int) -> Report:
    return Report(
        camera=shot.camera,
        epoch=shot.id.epoch,
        seq=seq,
        at_us=shot.at_us + SECOND_US,
        event=event,
        captured=shot.id.seq + 1,
        published=shot.id.seq + 1,
        missed=0,
        held_frames=0,
        held_bytes=0,
        clock_synced=True,
        status=Status(
            camera=shot.camera,
            state="online",
            since_us=first.at_us,
            schedule="every 30 s from 7 to 19",
            source="file:vtest.avi",
            zone=ZONE.key,
            size_px=(640, 360),
        ),
    )
