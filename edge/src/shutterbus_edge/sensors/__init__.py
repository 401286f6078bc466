"""Readings beside the camera: each sensor is one file here and one line in ``SENSORS``."""

from collections.abc import Callable, Mapping
from typing import Protocol

from shutterbus_edge.sensors.cpu import Cpu
from shutterbus_edge.sensors.simulated import Simulated
from shutterbus_runtime.clock import Clock


class Sensor(Protocol):
    """Something that can be read when asked, from the thread that made it.

    Attributes:
        units: The unit of every value it may give, by the value's name: ``{"temperature": "°C"}``.

    """

    units: Mapping[str, str]

    def read(self) -> Mapping[str, float]:
        """Return the values there are now, by name; raise OSError when the hardware does not answer."""


SENSORS: dict[str, Callable[[Clock], Sensor]] = {
    "cpu": Cpu,
    "simulated": Simulated,
}
