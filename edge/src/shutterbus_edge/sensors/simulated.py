"""A weather station that is not there, for demos: smooth, plausible and the same for everyone at the same time."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from shutterbus_edge.sensors import refuse_rest
from shutterbus_runtime.clock import Clock

DAY_S = 86_400


class Simulated:
    """Temperature, humidity and pressure that follow the time of day, with a little weather."""

    units: Mapping[str, str] = MappingProxyType({"temperature": "°C", "humidity": "%", "pressure": "hPa"})

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def read(self) -> dict[str, float]:
        now_s = self._clock.utc_us() / 1e6
        # Warmest in mid-afternoon; the short waves are clouds passing.
        sun = math.sin(2 * math.pi * (now_s / DAY_S - 0.375))
        cloud = 0.6 * math.sin(now_s / 47) + 0.4 * math.sin(now_s / 19)
        return {
            "temperature": round(14 + 6 * sun + 0.4 * cloud, 2),
            "humidity": round(65 - 15 * sun - 2 * cloud, 1),
            "pressure": round(1013 + 8 * math.sin(now_s / (3.7 * DAY_S)) + 0.1 * cloud, 2),
        }


def open_simulated(rest: str, clock: Clock) -> Simulated:
    """See ``SENSORS``."""
    refuse_rest("simulated", rest)
    return Simulated(clock)
