"""An archive as a server has it after two days of three cameras, made by the archive's own code.

``PYTHONPATH=. python -m viewer.kept_past FOLDER`` from ``tests/`` makes one to look at. The days are Berlin's; by default the second
is the one of 25 hours.

``street``
    Footage, every 30 s from 7 to 19 o'clock. On the first day its edge was switched off from 10:30 to 14:00, so it has two epochs.
    It sends reports.
``yard``
    A photograph, every minute, dark at night. It sends readings, but for 15:00 to 19:00 on the first day.
``tower``
    A photograph upright, every 10 minutes.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from fakes import FakeClock
from shutterbus_archive.catalog import Catalog
from shutterbus_archive.keeping import Group
from shutterbus_archive.opening import STORE, open_archive, open_store
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_transport.consuming import Delivery
from shutterbus_wire import exif, instant, names
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.message import Arrival, Message, encode_frame
from shutterbus_wire.store_layout import FrameKey
from shutterbus_wire.telemetry import Reading, Report, encode_telemetry
from viewer.kept_days import SECOND_US, Days, Shot, reports
from viewer.kept_scenes import Scene, daylight, scenes

END_US = 1_792_967_400_000_000  # 2026-10-25T22:30:00Z, half an hour before the end of the day
TRAVEL_US = 400_000
GROUP = 512

Sent = Shot | Reading | Report


class KeptFrame(NamedTuple):
    """A frame in the archive: when it was taken, its id, and its file."""

    captured_us: int
    id: str
    size_bytes: int
    path: Path


@dataclass(frozen=True, slots=True)
class Past:
    """What is in an archive.

    Attributes:
        folder: The archive's ARCHIVE_STATE_DIR.
        days: When things happened.
        frames: Of each camera, in the order in which they were taken.
        readings, reports: Likewise, of ``yard`` and ``street``.
    """

    folder: Path
    days: Days
    frames: Mapping[str, Sequence[KeptFrame]]
    readings: Sequence[Reading]
    reports: Sequence[Report]

    @property
    def store(self) -> Path:
        """The archive's ARCHIVE_DIR."""
        return self.folder / STORE


def make(folder: Path, end_us: int = END_US, scale: float = 1.0) -> Past:
    """Make an archive in the empty *folder*, of the day in which *end_us* lies up to that instant and of the day before.

    *scale* 0.1 takes a tenth of the pictures and readings, ten times as far apart.
    """
    days = Days(end_us, scale)
    shots = days.shots()
    read = list(days.readings())
    reported = list(reports(shot for shot in shots if shot.camera == "street"))
    sent: list[Sent] = sorted([*shots, *read, *reported], key=lambda each: each.at_us)
    seen = scenes(folder)
    frames: dict[str, list[KeptFrame]] = defaultdict(list)
    settings = ArchiveSettings(state_dir=folder, min_free_bytes=0)
    with closing(Catalog(folder)) as catalog, closing(open_store(settings, catalog)) as store:
        clock = FakeClock(monotonic_now_s=0)
        archive = open_archive(settings, store, catalog, clock)
        # What is made for a test need not outlast a power cut.
        with patch.object(os, "fsync", lambda _: None):
            for begin in range(0, len(sent), GROUP):
                some = sent[begin : begin + GROUP]
                group = _arrived(some, seen)
                clock.utc_offset_us = some[-1].at_us + SECOND_US
                archive.keep(group)
                for _, frame in group.frames:
                    frames[frame.metadata.camera].append(_kept(frame, folder / STORE))
    return Past(folder, days, frames, read, reported)


def _arrived(sent: Sequence[Sent], seen: Mapping[str, Scene]) -> Group:
    """Return what was *sent* as the archive's readers bring it."""
    group = Group()
    for each in sent:
        if isinstance(each, Shot):
            frame = _taken(each, seen[each.camera])
            group.frames.append((_delivery(encode_frame(frame, "jpeg", "live"), each, "frames"), frame))
        else:
            group.telemetry.append((_delivery(encode_telemetry(each, "live"), each, "telemetry"), each))
    return group


def _kept(frame: Frame, root: Path) -> KeptFrame:
    metadata = frame.metadata
    key = FrameKey(metadata.camera, metadata.id, metadata.captured_at_us)
    return KeptFrame(metadata.captured_at_us, str(metadata.id), len(frame.data), root / str(key))


def _taken(shot: Shot, scene: Scene) -> Frame:
    """Return the frame as its edge sends it."""
    light = daylight(shot.at_us)
    facts = {
        "ExposureTime": round(66_000 - 65_000 * light),
        "AnalogueGain": round(8 - 7 * light, 2),
        "Lux": round(900 * light, 1),
    }
    metadata = FrameMetadata(
        shot.camera, shot.id, shot.at_us, "sensor", clock_synced=True, camera_metadata=facts
    )
    picture = scene.picture(shot.id.seq, shot.at_us)
    return Frame(
        metadata,
        exif.stamp(picture.jpeg, metadata, software="test", header=picture.header),
        known_header=picture.header,
    )


def _delivery(message: Message, sent: Sent, kind: names.KafkaKind) -> Delivery:
    topic = names.kafka_topic(sent.camera, kind)
    arrived_us = sent.at_us + TRAVEL_US
    arrival = Arrival(
        "kafka", topic, message.value, message.attributes, message.content_type, (0, 0), arrived_us
    )
    return Delivery(arrival, broker_time_us=arrived_us)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="empty, or made")
    parser.add_argument("--end", type=instant.parse, default=END_US, help="RFC 3339")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the pictures")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    past = make(options.folder, options.end, options.scale)
    for camera, frames in past.frames.items():
        print(f"{camera}: {len(frames):,} frames, {sum(frame.size_bytes for frame in frames) / 1e6:.1f} MB")
    print(f"made in {time.monotonic() - began_s:.1f} s; ARCHIVE_STATE_DIR={past.folder}")


if __name__ == "__main__":
    main()
