"""What fits into Mosquitto's memory, and who fills it."""

import struct
from pathlib import Path

import pytest

from shutterbus_broker import memory, retained
from shutterbus_broker.doctor.memory import judge
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import Identities
from shutterbus_broker.retained import Retained

MIB = 1 << 20
LARGEST = 2_097_164
LIMIT = 704 * MIB


def _cameras(count: int) -> Identities:
    identities = Identities({}, {})
    for number in range(count):
        identities = identities.enrolled("cameras", f"camera-{number}")
    return identities


@pytest.mark.parametrize(
    ("text", "limit_mib"),
    [("", 704), ("768m", 704), ("768MB", 704), ("1g", 960), ("1.5GiB", 1472), (str(128 * MIB), 64)],
)
def test_mosquitto_may_use_its_containers_memory_less_64_mib(text: str, limit_mib: int) -> None:
    """Sizes mean what they mean to Docker."""
    assert memory.limit_bytes({"MOSQUITTO_MEMORY": text}) == limit_mib * MIB


def test_memory_that_is_no_size_is_named() -> None:
    with pytest.raises(SetupError, match="MOSQUITTO_MEMORY='much'"):
        memory.limit_bytes({"MOSQUITTO_MEMORY": "much"})


@pytest.mark.parametrize("settings", [{}, {"KAFKA_MESSAGE_MAX_BYTES": "8388620"}])
def test_cameras_for_which_it_is_too_little_are_refused_with_the_number_needed(
    settings: dict[str, str],
) -> None:
    """And that number is enough; what MQTT does not carry needs none."""
    for count in (1, 60):
        memory.check(_cameras(count), settings)
    with pytest.raises(
        SetupError, match=r"Mosquitto may use 704 MiB .* too little for 400 cameras"
    ) as refused:
        memory.check(_cameras(400), settings)
    needed = str(refused.value).partition("set MOSQUITTO_MEMORY=")[2].split(" ")[0]
    memory.check(_cameras(400), {**settings, "MOSQUITTO_MEMORY": needed})
    memory.check(_cameras(400), {**settings, "COMPOSE_PROFILES": "kafka"})
    revoked = _cameras(400)
    for number in range(380):
        revoked = revoked.revoked("cameras", f"camera-{number}")
    memory.check(revoked, settings)


def _chunk(kind: int, data: bytes) -> bytes:
    return struct.pack(">II", kind, len(data)) + data


def _message(key: int, topic: bytes, payload: bytes) -> bytes:
    fixed = struct.pack("=Q", key) + struct.pack(
        ">qIHHHHHBB", 0, len(payload), 0, 4, 6, len(topic), 8883, 1, 1
    )
    return _chunk(2, fixed + b"live" + b"gate.1" + topic + payload + b"properties")


def test_what_mosquitto_saved_is_read_topic_by_topic(tmp_path: Path) -> None:
    """Only what is retained: what waits for a reader is in the same file."""
    file = tmp_path / "mosquitto.db"
    file.write_bytes(
        b"\x00\xb5\x00mosquitto db"
        + struct.pack(">II", 0, 6)
        + _chunk(1, bytes(16))
        + _message(7, b"shutterbus/gate/frames", bytes(5000))
        + _message(8, b"shutterbus/gate/reports", bytes(50))
        + _message(9, b"shutterbus/gate/readings/x", bytes(700))
        + _chunk(6, b"a client")
        + _chunk(4, struct.pack("=Q", 9))
        + _chunk(4, struct.pack("=Q", 7))
    )
    assert retained.read(file) == [
        Retained("shutterbus/gate/readings/x", 700),
        Retained("shutterbus/gate/frames", 5000),
    ]
    assert retained.read(tmp_path / "none") == []
    file.write_bytes(file.read_bytes()[:70])
    with pytest.raises(SetupError, match="ends early"):
        retained.read(file)
    file.write_bytes(b"SQLite format 3" + bytes(100))
    with pytest.raises(SetupError, match=r"no database of Mosquitto 2\.0 or 2\.1"):
        retained.read(file)


def test_camera_that_fills_the_memory_is_named_with_what_clears_it() -> None:
    """Whether Mosquitto can still be asked or not."""
    honest = [Retained(f"shutterbus/camera-{number}/frames", LARGEST) for number in range(5)]
    flood = [Retained(f"shutterbus/gate/readings/x{number}", LARGEST) for number in range(320)]
    assert judge(20 * MIB, LIMIT, honest, LARGEST).status == "ok"
    for used in (None, 700 * MIB):
        result = judge(used, LIMIT, [*honest, *flood], LARGEST)
        assert result.status == "failure"
        assert "gate alone left 320 messages of 640 MiB there" in result.sentence
        assert result.fix is not None
        assert result.fix.startswith("make revoke CAMERA=gate, which clears them")


def test_memory_that_honest_cameras_fill_is_to_be_enlarged() -> None:
    """Nobody is blamed."""
    honest = [Retained(f"shutterbus/camera-{number}/frames", LARGEST) for number in range(330)]
    result = judge(None, LIMIT, honest, LARGEST)
    assert (result.status, result.fix) == ("failure", "in .env: a larger MOSQUITTO_MEMORY; make up")
    assert judge(540 * MIB, LIMIT, honest[:1], LARGEST).status == "warning"
