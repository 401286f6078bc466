"""What every sensor promises, whatever it measures."""

import json
from collections.abc import Callable

from shutterbus_edge.sensors import Sensor

Opener = Callable[[], Sensor]


def values_are_numbers(opener: Opener) -> None:
    """They can be drawn; not a number and infinity cannot, nor can they travel as JSON."""
    values = opener().read()

    assert values
    assert all(isinstance(value, float) for value in values.values())
    assert json.loads(json.dumps(dict(values), allow_nan=False)) == values


def every_value_has_a_unit(opener: Opener) -> None:
    """What a reading carries can be labelled without knowing the sensor."""
    sensor = opener()

    assert sensor.read().keys() <= sensor.units.keys()
    assert all(sensor.units.values())


def it_can_be_read_again_and_again(opener: Opener) -> None:
    """A value may be left out at one time, but none changes its name."""
    sensor = opener()

    for _ in range(3):
        assert sensor.read().keys() <= sensor.units.keys()


def two_of_them_do_not_disturb_each_other(opener: Opener) -> None:
    """As when a report and a reading look at the same thing."""
    first, second = opener(), opener()

    assert first.read()
    assert second.read()
    assert first.read()


PROMISES: dict[str, Callable[[Opener], None]] = {
    promise.__name__: promise
    for promise in (
        values_are_numbers,
        every_value_has_a_unit,
        it_can_be_read_again_and_again,
        two_of_them_do_not_disturb_each_other,
    )
}
