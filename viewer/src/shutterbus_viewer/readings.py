"""What a camera's sensors measured since the viewer started, within bounds."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from shutterbus_wire.telemetry import Reading

POINTS_KEPT = 720
"""Of one value: a day at one every two minutes, two hours at one every ten seconds."""

SERIES_KEPT = 64
"""Values of one camera. More are a mistake, or mischief, and are not shown."""


@dataclass(slots=True)
class Series:
    """One value of one sensor over time, oldest first."""

    sensor: str
    name: str
    unit: str = ""
    points: list[tuple[int, float]] = field(default_factory=list)


class Readings:
    """All series of one camera."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], Series] = {}

    def __iter__(self) -> Iterator[Series]:
        return iter(sorted(self._series.values(), key=lambda series: (series.sensor, series.name)))

    def note(self, reading: Reading) -> None:
        """Put *reading* in its place in time; one that was here already changes nothing."""
        for name, value in reading.values.items():
            key = (reading.sensor, name)
            if key not in self._series:
                if len(self._series) >= SERIES_KEPT:
                    continue
                self._series[key] = Series(reading.sensor, name)
            series = self._series[key]
            series.unit = reading.units.get(name, series.unit)
            at = bisect_left(series.points, (reading.at_us,))
            if at < len(series.points) and series.points[at][0] == reading.at_us:
                continue
            series.points.insert(at, (reading.at_us, value))
            del series.points[:-POINTS_KEPT]
