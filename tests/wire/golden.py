"""Makes the golden files in tests/data. Run it only when the format changes on purpose::

PYTHONPATH=tests .venv/bin/python -m wire.golden
"""

import json

from shutterbus_wire import exif, message, sinetstream, telemetry
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from wire.pictures import CAMERA_JPEG, DATA

FACTS = FrameMetadata(
    camera="gate",
    id=FrameId("9f2c4e1a77b0d3c5", 42),
    captured_at_us=1_658_188_920_123_456,
    captured_at_source="sensor",
    clock_synced=True,
    camera_metadata={
        "ExposureTime": 8333,
        "AnalogueGain": 2.0,
        "DigitalGain": 1.0,
        "ColourGains": [1.5, 2.25],
    },
)
FRAME = Frame(
    FACTS, exif.stamp(CAMERA_JPEG, FACTS, software="Shutterbus 0.1.0", make="Raspberry Pi", model="imx477")
)

STATUS = telemetry.Status(
    camera="gate",
    state="online",
    since_us=1_658_188_000_000_000,
    expected_interval_s=10.0,
    version="0.1.0",
    source="picamera2 imx477",
    schedule="10",
    size_px=(4056, 3040),
    title="屋上 北",
    zone="Asia/Tokyo",
)
REPORT = telemetry.Report(
    camera="gate",
    epoch=FACTS.id.epoch,
    seq=7,
    at_us=1_658_188_980_000_000,
    event="minute",
    captured=48,
    published=40,
    missed=1,
    dropped={"overwritten": telemetry.Dropped(count=3, ranges=[(FACTS.id.epoch, 10, 12)])},
    set_aside=1,
    held_frames=4,
    held_bytes=8_000_000,
    oldest_held_age_s=41.5,
    uncertain=[("00000000000000aa", 100, 103), ("00000000000000bb", 9, None)],
    camera_restarts=2,
    clock_synced=True,
    temperature_c=51.5,
    status=STATUS,
)
READING = telemetry.Reading(
    camera="gate",
    epoch=FACTS.id.epoch,
    seq=3,
    at_us=1_658_188_920_000_000,
    sensor="bme280",
    values={"temperature": 21.25, "humidity": 48.0},
    units={"temperature": "°C", "humidity": "%"},
)


def files() -> dict[str, bytes]:
    """Return every golden file by name."""
    made = {
        "camera.jpg": CAMERA_JPEG,
        "frame.jpg": FRAME.data,
        "frame.sinetstream3": _value("3"),
        "frame.sinetstream2": _value("2"),
        "frame.json": _value("json"),
        "vector.sinetstream3": sinetstream.encode(
            bytes.fromhex("ffd8ffe04a46494600000000"), FACTS.captured_at_us, 3
        ),
    }
    for name, sent in {
        "frame": message.encode_frame(FRAME, "jpeg", "live"),
        "status": telemetry.encode_telemetry(STATUS, "live"),
        "report": telemetry.encode_telemetry(REPORT, "live"),
        "reading": telemetry.encode_telemetry(READING, "backlog"),
    }.items():
        if name != "frame":
            made[f"{name}.json"] = sent.value
        kafka = [f"{key}: {value.decode()}" for key, value in message.kafka_headers(sent)]
        mqtt = [f"{key}: {value}" for key, value in message.mqtt_user_properties(sent)]
        made[f"{name}.headers.json"] = json.dumps({"kafka": kafka, "mqtt": mqtt}, indent=1).encode() + b"\n"
    return made


def _value(message_format: str) -> bytes:
    return message.encode_frame(FRAME, message_format, "live").value


if __name__ == "__main__":
    for name, data in files().items():
        (DATA / name).write_bytes(data)
