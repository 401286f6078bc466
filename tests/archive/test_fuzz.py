"""Whatever is sent to an archive: it is acknowledged, accounted for, and it leaves nothing behind in memory.

``SHUTTERBUS_FUZZ=20000`` sends so many messages.
"""

import gc
import os
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from itertools import count

import pytest

from archive.fakes_archive import NOW_US, FakeReader, Rig, frame, reading
from machine import SOAK
from shutterbus_archive.consume.keeper import Keeper
from shutterbus_transport.consuming import Delivery
from shutterbus_wire import names
from shutterbus_wire.message import Arrival, encode_frame
from shutterbus_wire.telemetry import Reading, Status, encode_telemetry
from wire.golden import files
from wire.pictures import BARE_JPEG, BARE_PNG, segment, with_segments

MESSAGES = int(os.environ.get("SHUTTERBUS_FUZZ", "20000" if SOAK else "1500"))
SIZE_BYTES = 6_000
GROWTH_MAX_BYTES = 1_000_000
"""Much less than the messages of the second half: one in ten of them, left behind, shows."""

SEEDS = [*files().values(), BARE_JPEG, BARE_PNG]
TOPICS = [
    *(names.kafka_topic(camera, "frames") for camera in ("gate", "yard")),
    *("plant.images", "Plant.Images", "Лес", "x" * 249, "a..b", "-", ""),
]
CAMERAS = ("gate", "yard", "roof")


class CountingReader(FakeReader):
    """Counts what is acknowledged, and keeps none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[object] = Counter()

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        self.counts.update((each.receipt or ("", -1, 0))[1] for each in deliveries)


class Fuzz:
    """Makes messages; each is another one, and the same number makes the same."""

    def __init__(self) -> None:
        self._random = random.Random(9)
        self._numbers = count()
        self._seq: Counter[str] = Counter()

    def frame(self) -> Delivery:
        """A message on a topic of frames: in order, repeated, forged, damaged, somebody else's or noise."""
        chance = self._random
        camera = chance.choice(CAMERAS)
        kind = chance.choice(
            ["next", "next", "again", "forged", "damaged", "headers", "foreign", "noise", "moved"]
        )
        seq = self._seq[camera]
        if kind == "next" or not seq:
            self._seq[camera] += 1
        else:
            seq = chance.randrange(seq)
        note = "x" * chance.randrange(SIZE_BYTES)
        note = note if kind == "forged" else f"{camera}{seq}" * 500
        sent = encode_frame(frame(seq, camera=camera, note=note), "jpeg", "live")
        value, attributes = sent.value, dict(sent.attributes)
        topic = names.kafka_topic(camera, "frames")
        match kind:
            case "damaged":
                value = self._damaged(value)
            case "headers":
                attributes[chance.choice([*attributes])] = self._text()
            case "foreign":
                value = chance.choice([self._picture(), self._damaged(chance.choice(SEEDS))])
                attributes, topic = {}, chance.choice(TOPICS)
            case "noise":
                value, attributes = chance.randbytes(chance.randrange(SIZE_BYTES)), {}
            case "moved":
                topic = chance.choice(TOPICS)
        return self._arrived(topic, value, attributes)

    def telemetry(self) -> Delivery:
        chance = self._random
        camera = chance.choice(CAMERAS)
        message: Reading | Status = Status(camera=camera, state="online", since_us=NOW_US)
        if chance.random() < 0.5:
            message = reading(chance.randrange(5_000), camera=camera, load=chance.random())
        sent = encode_telemetry(message, "live")
        value = sent.value if chance.random() < 0.5 else self._damaged(sent.value)
        return self._arrived(names.kafka_topic(camera, "telemetry"), value, dict(sent.attributes))

    def _arrived(self, topic: str, value: bytes, attributes: dict[str, str]) -> Delivery:
        number = next(self._numbers)
        at_us = NOW_US + number * 1_000
        if self._random.random() < 0.5 or topic.startswith("shutterbus."):
            arrival = Arrival("kafka", topic, value, attributes, None, (0, number), at_us)
        else:
            again = self._random.random() < 0.2
            arrival = Arrival("mqtt", topic, value, attributes, None, None, at_us, again, redelivered=again)
        return Delivery(arrival, receipt=(topic, number, 1))

    def _picture(self) -> bytes:
        return with_segments(BARE_JPEG, segment(0xFE, self._random.randbytes(SIZE_BYTES)))

    def _damaged(self, value: bytes) -> bytes:
        data = bytearray(value)
        for _ in range(self._random.randint(1, 4)):
            begin = self._random.randrange(len(data) + 1)
            end = begin + self._random.choice([0, 1, 40, len(data)])
            data[begin:end] = self._random.randbytes(self._random.choice([0, 1, 1, 30]))
        return bytes(data)

    def _text(self) -> str:
        return "".join(chr(self._random.choice([0, 10, 65, 233, 0x4E2D, 0xDC80])) for _ in range(9))


@pytest.mark.long_form
def test_fuzzed_messages_are_all_acknowledged_and_accounted_for_and_leave_nothing_in_memory(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    reader, fuzz = CountingReader(), Fuzz()
    frames, telemetry = rig.keeper, Keeper(rig.archive, rig.clock)
    sent_frames = empty = half_bytes = 0
    caplog.set_level("ERROR")  # what is logged is kept until the test is over
    for keeper in (frames, telemetry):
        keeper.serve(reader)
    tracemalloc.start()
    try:
        for number in range(MESSAGES):
            if number % 4 == 3:
                telemetry.telemetry(fuzz.telemetry())
            else:
                delivery = fuzz.frame()
                frames.frame(delivery)
                sent_frames += 1
                # So MQTT takes back a picture that it keeps.
                empty += delivery.arrival.retained and not delivery.arrival.value
            rig.clock.pass_s(0.002)
            last = number in {MESSAGES // 2, MESSAGES - 1}
            for keeper in (frames, telemetry):
                keeper.turn(more=not last)
            if number == MESSAGES // 2:
                gc.collect()
                half_bytes, _ = tracemalloc.get_traced_memory()
        gc.collect()
        end_bytes, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    kept = frames.kept
    print(
        f"{sent_frames} frames: {dict(kept)}; {MESSAGES - sent_frames} reports and readings: {dict(telemetry.kept)}; grew by "
        f"{(end_bytes - half_bytes) / 1e6:.2f} MB in the second half, {peak_bytes / 1e6:.1f} MB at most"
    )
    assert reader.counts == Counter(range(MESSAGES)), "each once"
    assert not frames.problem
    assert not telemetry.problem
    assert kept["stored"] + kept["repeated"] + kept["quarantined"] + empty == sent_frames
    assert min(kept["stored"], kept["repeated"], kept["quarantined"]) > MESSAGES // 20, "each way was gone"
    assert 0 < telemetry.kept["quarantined"] < MESSAGES - sent_frames
    assert len(rig.files) == rig.archived == kept["stored"]
    assert end_bytes - half_bytes < GROWTH_MAX_BYTES
