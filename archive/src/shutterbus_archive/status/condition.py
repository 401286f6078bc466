"""Whether the archive does its job now, in sentences for people and numbers for Prometheus."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from shutterbus_archive.catalog import overview
from shutterbus_archive.consume.keeper import Keeper
from shutterbus_archive.copies import CatalogCopies
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.keeping import Archive
from shutterbus_archive.retention import Retention
from shutterbus_archive.store import Room
from shutterbus_transport.consuming import Reader
from shutterbus_wire import __version__


class Condition:
    """The archive's condition, asked for by its health server; nothing is kept here."""

    def __init__(
        self,
        archive: Archive,
        reading: Sequence[tuple[Reader, Keeper]],
        retention: Retention,
        copies: CatalogCopies,
    ) -> None:
        self._store = archive.store
        self._catalog = archive.catalog
        self._floor = archive.floor
        self._copies = copies
        self._reading = reading
        self._retention = retention

    def problems(self) -> Iterator[str]:
        """Yield a sentence for everything that is wrong now; none while what comes is kept."""
        said = [
            problem
            for _, keeper in self._reading
            for problem in (keeper.problem, *keeper.outages.values())
            if problem
        ]
        yield from dict.fromkeys(said)
        yield from filter(None, (self._retention.problem, self._copies.problem))
        yield from (
            f"{reader.name}: not yet connected"
            for reader, _ in self._reading
            if not (reader.connected or said)
        )

    def metadata(self) -> dict[str, Any]:
        """Return what ``/status`` shows."""
        cameras = self._catalog.totals()
        seen = overview.look(self._catalog)
        room = self._room()
        return {
            "version": __version__,
            "problems": list(self.problems()),
            "kept": dict(self._kept()),
            "aged_out": self._retention.removed,
            "frames": sum(frames for frames, _ in cameras.values()),
            "bytes": sum(size_bytes for _, size_bytes in cameras.values()),
            "cameras": {
                name: {"frames": frames, "bytes": size_bytes, "newest_at_us": seen.newest_us.get(name)}
                for name, (frames, size_bytes) in cameras.items()
            },
            "quarantined": dict(seen.quarantined),
            "store": room
            and {
                "total_bytes": room.total_bytes,
                "free_bytes": room.free_bytes,
                "free_files": room.free_files,
                "floor_bytes": self._floor.free_bytes(room),
            },
        }

    def metrics(self) -> str:
        """Return the same in Prometheus' text form."""
        lines = [
            "# HELP shutterbus_archive_messages_total What became of what came, since this process started.",
            "# TYPE shutterbus_archive_messages_total counter",
            *(
                f'shutterbus_archive_messages_total{{outcome="{word}"}} {count}'
                for word, count in self._kept().items()
            ),
            "# HELP shutterbus_archive_frames Frames in the store.",
            "# TYPE shutterbus_archive_frames gauge",
        ]
        totals = self._catalog.totals()
        lines += [
            f'shutterbus_archive_frames{{camera="{name}"}} {frames}' for name, (frames, _) in totals.items()
        ]
        lines += ["# HELP shutterbus_archive_bytes Their bytes.", "# TYPE shutterbus_archive_bytes gauge"]
        lines += [f'shutterbus_archive_bytes{{camera="{name}"}} {size}' for name, (_, size) in totals.items()]
        seen = overview.look(self._catalog)
        lines += [
            "# HELP shutterbus_archive_newest_seconds When the newest of them was taken, in s since 1970.",
            "# TYPE shutterbus_archive_newest_seconds gauge",
            *(
                f'shutterbus_archive_newest_seconds{{camera="{name}"}} {newest_us / 1e6}'
                for name, newest_us in seen.newest_us.items()
            ),
            "# HELP shutterbus_archive_quarantined Messages in quarantine.",
            "# TYPE shutterbus_archive_quarantined gauge",
            *(
                f'shutterbus_archive_quarantined{{camera="{name}"}} {count}'
                for name, count in seen.quarantined.items()
            ),
        ]
        lag = [
            (reader.name, topic, count) for reader, _ in self._reading for topic, count in reader.lag.items()
        ]
        if lag:
            lines += [
                "# HELP shutterbus_archive_lag_messages Messages that a broker has and the archive is not finished with.",
                "# TYPE shutterbus_archive_lag_messages gauge",
                *(
                    f'shutterbus_archive_lag_messages{{reader="{name}",topic="{topic}"}} {count}'
                    for name, topic, count in lag
                ),
            ]
        if room := self._room():
            lines += [
                "# HELP shutterbus_archive_free_bytes Bytes that still fit into the store.",
                "# TYPE shutterbus_archive_free_bytes gauge",
                f"shutterbus_archive_free_bytes {room.free_bytes}",
            ]
            if room.free_files is not None:
                lines += [
                    "# HELP shutterbus_archive_free_files Files that still fit into the store.",
                    "# TYPE shutterbus_archive_free_files gauge",
                    f"shutterbus_archive_free_files {room.free_files}",
                ]
        problems = len(list(self.problems()))
        lines += [
            "# HELP shutterbus_archive_problems Things that are wrong now.",
            "# TYPE shutterbus_archive_problems gauge",
            f"shutterbus_archive_problems {problems}",
        ]
        return "\n".join(lines) + "\n"

    def _room(self) -> Room | None:
        try:
            return self._store.room()
        except StoreUnavailableError:
            return None

    def _kept(self) -> Counter[str]:
        return sum((keeper.kept for _, keeper in self._reading), Counter())
