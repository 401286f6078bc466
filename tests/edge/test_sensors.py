"""Readings beside the camera."""

from pathlib import Path

import pytest

from edge.sensor_promises import PROMISES, Opener
from fakes import FakeClock
from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.sensors import SENSORS, open_sensor, parse_addresses
from shutterbus_edge.sensors.cpu import Cpu
from shutterbus_edge.sensors.simulated import DAY_S, Simulated
from shutterbus_runtime.clock import SystemClock

ADDRESSES = ("cpu", "simulated")

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


def opener(word: str) -> Opener:
    (address,) = parse_addresses([word])
    return lambda: open_sensor(address, SystemClock())


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("word", ADDRESSES)
def test_the_sensor_keeps_the_promise(word: str, promise: str) -> None:
    """See sensor_promises."""
    PROMISES[promise](opener(word))


def test_every_sensor_is_asked_for_its_promises() -> None:
    """One that is added and not listed here would be asked for none."""
    assert {word.partition(":")[0] for word in ADDRESSES} == SENSORS.keys()


def test_two_of_a_kind_are_told_apart_by_their_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has numbers and a topic of its own; and the rest of the address is the sensor's own business."""
    monkeypatch.setitem(SENSORS, "probe", "nowhere:open_probe")

    addresses = parse_addresses(["PROBE", "probe:0x76", "probe:/dev/i2c-1:0x77"])

    assert [address.name for address in addresses] == ["probe", "probe-0x76", "probe-dev-i2c-1-0x77"]
    assert [address.rest for address in addresses] == ["", "0x76", "/dev/i2c-1:0x77"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cpuu"], "a list of cpu and simulated is expected; did you mean cpu?"),
        (["cpu", "dht22:4"], "the sensor dht22 is not in this version; cpu and simulated are"),
        (["cpu", "CPU"], "CPU is named twice"),
        (["cpu:" + "x" * 48], "is too long"),
    ],
)
def test_a_word_that_names_no_sensor_is_answered_by_a_sentence(words: list[str], sentence: str) -> None:
    """Before anything is opened."""
    with pytest.raises(MisconfiguredError) as refused:
        parse_addresses(words)
    assert sentence in str(refused.value)


def test_a_sensor_that_cannot_be_opened_says_what_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where there is only one; a library that is not installed."""
    with pytest.raises(MisconfiguredError, match="SENSORS=cpu:1: cpu takes no address; leave out :1"):
        opener("cpu:1")()

    monkeypatch.setitem(SENSORS, "probe", "nowhere:open_probe")
    with pytest.raises(MisconfiguredError, match=r"probe needs the Python module .*nowhere"):
        opener("probe")()


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
