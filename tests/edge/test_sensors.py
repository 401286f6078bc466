"""Readings beside the camera."""

from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_edge.sensors import SENSORS
from shutterbus_edge.sensors.cpu import Cpu
from shutterbus_edge.sensors.simulated import DAY_S, Simulated

MEMORY = "MemTotal:        1000000 kB\nMemFree:          100000 kB\nMemAvailable:     250000 kB\nHugePages_Total:       0\n"


def board(root: Path, *, ticks: str, zones: dict[str, str]) -> Path:
    """A tree of the files that a Linux board shows."""
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/stat").write_text(f"cpu  {ticks}\ncpu0 {ticks}\n")
    (root / "proc/meminfo").write_text(MEMORY)
    for zone, text in zones.items():
        folder = root / "sys/class/thermal" / zone
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "temp").write_text(text)
    return root


@pytest.mark.parametrize("name", SENSORS)
def test_every_sensor_gives_numbers_with_units(name: str) -> None:
    """What a reading carries can be drawn and labelled without knowing the sensor."""
    sensor = SENSORS[name](FakeClock())

    values = sensor.read()

    assert values
    assert all(isinstance(value, float) for value in values.values())
    assert values.keys() <= sensor.units.keys()


def test_cpu_reads_the_hottest_zone_load_since_the_last_reading_and_used_memory(tmp_path: Path) -> None:
    """The three things that end a Pi on a roof: heat, load, memory."""
    zones = {"thermal_zone0": "48312\n", "thermal_zone1": "51900\n", "thermal_zone2": "not a number"}
    cpu = Cpu(FakeClock(), board(tmp_path, ticks="100 0 100 800 0 0 0 0 0 0", zones=zones))
    board(tmp_path, ticks="150 0 150 900 0 0 0 0 0 0", zones=zones)

    assert cpu.read() == {"cpu_temperature": 51.9, "cpu_load": 50.0, "memory_used": 75.0}


def test_a_board_without_thermal_zones_leaves_the_temperature_out(tmp_path: Path) -> None:
    """A virtual machine has none; an invented 0 °C would be a lie."""
    cpu = Cpu(FakeClock(), board(tmp_path, ticks="1 1 1 1 1 1 1 1", zones={}))

    assert "cpu_temperature" not in cpu.read()
    assert cpu.temperature_c() is None


def test_simulated_weather_is_warmest_in_the_afternoon_and_the_same_for_all() -> None:
    """Two demos at the same time show the same weather, and a day looks like a day."""
    clock = FakeClock(monotonic_now_s=0, utc_offset_us=0)
    by_hour = []
    for _ in range(24):
        by_hour.append(Simulated(clock).read()["temperature"])
        clock.pass_s(DAY_S / 24)

    assert by_hour.index(max(by_hour)) in range(13, 18)
    assert Simulated(clock).read() == Simulated(clock).read()
