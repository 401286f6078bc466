"""Readings beside the camera.

A sensor is a class in a module of its own here, and a line in ``SENSORS``. Its hardware library loads only where the
settings name the sensor.
"""

import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shutterbus_edge.errors import MisconfiguredError
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.settings.values import did_you_mean
from shutterbus_wire.errors import IdentityError
from shutterbus_wire.identity import check_camera

SENSORS = {
    "cpu": "cpu:open_cpu",
    "simulated": "simulated:open_simulated",
}
"""Kind of sensor: the module here and what to call in it with (rest of the address, clock)."""

NOT_YET = ("bme280", "dht11", "dht22")


class Sensor(Protocol):
    """Something that can be read when asked. Used by one thread.

    Opening it waits for no hardware: what is not there now may come later, and is for ``read`` to say.

    Attributes:
        units: The unit of every value it may give, by the value's name: ``{"temperature": "°C"}``.

    """

    units: Mapping[str, str]

    def read(self) -> Mapping[str, float]:
        """Return the values there are now, by name; raise OSError when the hardware does not answer."""


@dataclass(frozen=True, slots=True)
class SensorAddress:
    """A word of ``SENSORS``, taken apart: ``bme280:0x77`` is kind ``bme280`` and rest ``0x77``, the sensor's own business."""

    kind: str
    rest: str

    @property
    def name(self) -> str:
        """What its readings are called, so that two of a kind are told apart: ``bme280-0x77``."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.kind}-{self.rest}".lower()).strip("-")


def parse_addresses(words: Iterable[str]) -> list[SensorAddress]:
    """Return the addresses that *words* are; nothing is opened.

    Raises:
        MisconfiguredError: One names no sensor of this version, or two the same one.
    """
    by_name: dict[str, SensorAddress] = {}
    for word in words:
        address = _parse_address(word)
        if address.name in by_name:
            raise MisconfiguredError(f"{word} is named twice")
        by_name[address.name] = address
    return list(by_name.values())


def _parse_address(word: str) -> SensorAddress:
    kind, _, rest = word.partition(":")
    kind = kind.lower()
    if kind in NOT_YET:
        raise MisconfiguredError(f"the sensor {kind} is not in this version; {known()} are")
    if kind not in SENSORS:
        raise MisconfiguredError(f"a list of {known()} is expected{did_you_mean(kind, SENSORS)}")
    address = SensorAddress(kind, rest)
    try:
        check_camera(address.name)  # it is a level of a topic, as a camera's name is
    except IdentityError as error:
        raise MisconfiguredError(f"{word} is too long") from error
    return address


def known() -> str:
    """Return the kinds of sensor, as a sentence lists them."""
    return " and ".join(SENSORS)


def open_sensor(address: SensorAddress, clock: Clock) -> Sensor:
    """Return the sensor at *address*.

    Raises:
        MisconfiguredError: The rest of the address can never work, or a library is missing.
    """
    module_name, _, name = SENSORS[address.kind].partition(":")
    try:
        module = importlib.import_module(f"{__name__}.{module_name}")
    except ModuleNotFoundError as error:
        raise MisconfiguredError(
            f"The sensor {address.name} needs the Python module {error.name}; install it and start again"
        ) from error
    opener: Callable[[str, Clock], Sensor] = getattr(module, name)
    return opener(address.rest, clock)


def refuse_rest(kind: str, rest: str) -> None:
    """Raise MisconfiguredError where a sensor of which there is only one was given an address."""
    if rest:
        raise MisconfiguredError(f"SENSORS={kind}:{rest}: {kind} takes no address; leave out :{rest}")
