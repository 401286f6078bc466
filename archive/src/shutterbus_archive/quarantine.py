"""Messages that cannot be used, kept as they came: two objects each, the message itself and what is known of it.

Each camera has bounds of its own, so that one that sends nonsense costs no other one its messages.
"""

import contextlib
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shutterbus_archive.catalog import Ageing, Catalog, Quarantined, QuarantineRow
from shutterbus_archive.catalog.quarantined import FACTS
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.store import Store
from shutterbus_transport.consuming import UNUSABLE, Delivery
from shutterbus_wire import cloudevents, exif, jpeg
from shutterbus_wire.errors import IdentityError
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Arrival, topic_of_ours

log = logging.getLogger(__name__)

PREFIX = "quarantine/"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that cannot be used: whose it seems to be, the word for why, and a sentence."""

    delivery: Delivery
    camera: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one camera's messages in quarantine: beyond either, its oldest go."""

    max_bytes: int = 64 << 20
    max_count: int = 1_000


class Quarantine:
    """See the module.

    Attributes:
        discarded: How many messages went, by camera, since this process started.
    """

    def __init__(self, store: Store, catalog: Catalog, bounds: Bounds) -> None:
        self.discarded: Counter[str] = Counter()
        self._store = store
        self._catalog = catalog
        self._bounds = bounds

    def store(self, refusals: Iterable[Refusal]) -> list[QuarantineRow]:
        """Make the messages of *refusals* durable; return the rows that the catalog still has to have.

        The same message again has the same name: one that is not acknowledged, and comes again, is there once.
        """
        rows = {row.key: (row, refusal) for refusal in refusals for row in [_row(refusal)]}
        if rows:
            objects = {key: refusal.delivery.arrival.value for key, (_, refusal) in rows.items()}
            facts = {
                key + FACTS: _facts(row, refusal.delivery.arrival) for key, (row, refusal) in rows.items()
            }
            self._store.put(objects | facts)
        for _, refusal in rows.values():
            log.warning(
                "a message on %r is kept in quarantine (%s): %s",
                refusal.delivery.arrival.topic[:120],
                refusal.reason,
                refusal.sentence[:300],
            )
        return [row for row, _ in rows.values()]

    def keep_within_bounds(self, cameras: Iterable[str]) -> int:
        """Remove the oldest messages of each of *cameras* that has too many, or too large ones; return how many went."""
        quarantined, before = Quarantined(self._catalog), self.discarded.total()
        for camera in cameras:
            if going := quarantined.surplus(camera, self._bounds.max_bytes, self._bounds.max_count):
                self.remove(going)
                already = self.discarded[camera]
                self.discarded[camera] += len(going)
                # A camera that floods it is named at the first, the tenth, the hundredth.
                if len(str(self.discarded[camera])) > len(str(already)) or not already:
                    log.warning(
                        "%d of the oldest messages of %s have left quarantine, which holds %d messages or %.0f MB of each camera "
                        "(ARCHIVE_QUARANTINE_MAX_COUNT, ARCHIVE_QUARANTINE_MAX_BYTES)",
                        self.discarded[camera],
                        camera,
                        self._bounds.max_count,
                        self._bounds.max_bytes / 1e6,
                    )
        return self.discarded.total() - before

    def remove(self, rows: list[QuarantineRow]) -> None:
        """Remove *rows* and their messages for good. A store that is away loses its part at the next look for garbage."""
        keys = Quarantined(self._catalog).take_out(rows)
        with contextlib.suppress(StoreUnavailableError):
            self._store.remove(keys)
            Ageing(self._catalog).forget_garbage(keys)


def facts_of(data: bytes | None) -> dict[str, Any]:
    """Return what an object beside a message says; empty where there is none, or it is damaged."""
    try:
        members = json.loads(data or b"{}")
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def arrival_of(row: QuarantineRow, value: bytes, facts: Mapping[str, Any]) -> Arrival:
    """Return the message as it came."""
    partition, _, offset = row.position.partition(":")
    return Arrival(
        "kafka" if row.transport == "kafka" else "mqtt",
        str(facts.get("topic", row.topic)),
        value,
        {str(name): str(text) for name, text in dict(facts.get("attributes") or {}).items()},
        facts.get("content_type"),
        (int(partition), int(offset)) if offset else None,
        row.at_us,
    )


def row_of(key: str, value: bytes, facts: Mapping[str, Any], modified_us: int) -> QuarantineRow:
    """Return the row of the message that is stored under *key*, from what is known of it; what is not known is said to be so."""
    camera = key.removeprefix(f"{PREFIX}camera=").partition("/")[0]
    row = QuarantineRow(
        camera,
        str(facts.get("reason", "unknown")),
        str(facts.get("sentence", "why it was refused is not known any more")),
        str(facts.get("transport", "unknown")),
        str(facts.get("topic", "")),
        str(facts.get("position", key)),
        hashlib.sha256(value).digest(),
        len(value),
        int(facts.get("at_us", modified_us)),
        key,
    )
    return replace(row, frame=frame_of(arrival_of(row, value, facts)))


def frame_of(arrival: Arrival) -> FrameId | None:
    """Return which frame of its camera a message of ours says it is; None where nothing says so, or not all say the same."""
    named = topic_of_ours(arrival)
    if named is None or named[1] != "frames":
        return None
    said: set[tuple[str | None, FrameId]] = set()
    attributes = arrival.attributes
    if attributes.get("type") == cloudevents.FRAME_TYPE:
        with contextlib.suppress(IdentityError):
            said.add((attributes.get("camera"), FrameId.parse(attributes.get("id", ""))))
    with contextlib.suppress(*UNUSABLE):
        if metadata := exif.read_metadata(arrival.value):
            said.add((metadata.camera, metadata.id))
    if len(said) != 1:
        return None
    [(camera, identity)] = said
    return identity if camera == named[0] else None


def _row(refusal: Refusal) -> QuarantineRow:
    arrival = refusal.delivery.arrival
    digest = hashlib.sha256(arrival.value).digest()
    position = ":".join(map(str, arrival.position)) if arrival.position else ""
    origin = hashlib.sha256(f"{arrival.topic}\n{position}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    suffix = {"image/jpeg": ".jpg", "image/png": ".png", None: ".bin"}[jpeg.sniff(arrival.value)]
    return QuarantineRow(
        refusal.camera,
        refusal.reason,
        refusal.sentence[:1_000].encode("utf-8", "replace").decode(),
        arrival.transport,
        arrival.topic[:1_000].encode("utf-8", "replace").decode(),
        position,
        digest,
        len(arrival.value),
        arrival.arrived_at_us,
        f"{PREFIX}camera={refusal.camera}/{digest.hex()[:16]}-{origin}{suffix}",
        frame=frame_of(arrival),
    )


def _facts(row: QuarantineRow, arrival: Arrival) -> bytes:
    return json.dumps(
        {
            "reason": row.reason,
            "sentence": row.sentence,
            "transport": row.transport,
            "topic": row.topic,
            "position": row.position,
            "at_us": row.at_us,
            "content_type": arrival.content_type,
            "attributes": dict(arrival.attributes),
        }
    ).encode()
