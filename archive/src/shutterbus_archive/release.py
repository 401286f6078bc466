"""A message of quarantine put through again, with the check waived that refused it.

A person has looked at it and says that it is to be kept. Who took a picture, and which one it is, still has to be readable.
"""

from dataclasses import replace

from shutterbus_archive.catalog import Quarantined, QuarantineRow
from shutterbus_archive.catalog.quarantined import FACTS
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.keeping import Archive, Group
from shutterbus_archive.quarantine import arrival_of, facts_of
from shutterbus_transport.consuming import UNUSABLE, Delivery, why_unusable
from shutterbus_wire import codecs, exif, jpeg, names, store_layout
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import Frame
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Arrival, decode_frame, topic_of_ours
from shutterbus_wire.telemetry import Status, Telemetry, decode_telemetry, parse_telemetry

_ENDS = {"image/jpeg": b"\xff\xd9", "image/png": b"\0\0\0\0IEND\xaeB`\x82"}
_ABOUT_ATTRIBUTES = ("identity-conflict", "bad-headers", "unknown-version")


def release(archive: Archive, number: int) -> str:
    """Keep message *number*, and take it out of quarantine; return in a sentence what became of it.

    Raises:
        ArchiveError: It is not in quarantine, or cannot be read, or was erased.
    """
    row = entry(archive, number)
    value = archive.store.read(row.key)
    if value is None:
        raise ArchiveError(
            f"message {number} is in the catalog, and its file {row.key} is gone: it can only be dropped"
        )
    arrival = arrival_of(row, value, facts_of(archive.store.read(row.key + FACTS)))
    named = topic_of_ours(arrival)
    try:
        if named and named[1] != "frames":
            return _keep_telemetry(archive, row, arrival)
        return _keep_frame(archive, row, arrival)
    except UNUSABLE as error:
        reason, sentence = why_unusable(error)
        raise ArchiveError(
            f"message {number} cannot be read, and so not be released ({reason}: {sentence}); shutterbus-archive quarantine drop "
            f"{number} removes it"
        ) from error


def entry(archive: Archive, number: int) -> QuarantineRow:
    """Return message *number*; raise ArchiveError if it is not in quarantine."""
    row = Quarantined(archive.catalog).entry(number)
    if row is None:
        raise ArchiveError(
            f"there is no message {number} in quarantine: shutterbus-archive quarantine list names them"
        )
    return row


def _keep_frame(archive: Archive, row: QuarantineRow, arrival: Arrival) -> str:
    frame = read_frame(arrival, row.reason)
    if topic_of_ours(arrival) is None:
        frame = replace(frame, metadata=replace(frame.metadata, camera=row.camera))
    if not archive.wanted([(Delivery(arrival), frame)]):
        raise ArchiveError(
            f"message {row.id} is frame {frame.metadata.id} of {frame.metadata.camera}, which was erased: it can only be dropped"
        )
    name = frame.metadata.camera, frame.metadata.id
    said = f"released as frame {frame.metadata.id} of {frame.metadata.camera}"
    if name in archive.catalog.archived([name]):
        stored = archive.catalog.frames([name]).get(name)
        if stored and archive.store.read(str(stored.key)) == frame.data:
            said = f"is in the archive already, as frame {frame.metadata.id} of {frame.metadata.camera}"
        else:
            own = FrameId(store_layout.content_epoch(frame.data), 0)
            said = f"released as frame {own} of {frame.metadata.camera}: another one has {frame.metadata.id}"
            frame = replace(frame, metadata=replace(frame.metadata, id=own, identity_source="transport"))
    _keep(archive, row, Group(frames=[(Delivery(arrival), frame)], size_bytes=len(frame.data)))
    return f"message {row.id} {said}"


def _keep_telemetry(archive: Archive, row: QuarantineRow, arrival: Arrival) -> str:
    message = _read_telemetry(arrival, row.reason)
    if isinstance(message, Status):
        raise MalformedError("bad-record", "it is a status, which is not kept")
    _keep(archive, row, Group(telemetry=[(Delivery(arrival), message)], size_bytes=len(arrival.value)))
    return f"message {row.id} released as {message.stream} {message.epoch}-{message.seq} of {message.camera}"


def _keep(archive: Archive, row: QuarantineRow, group: Group) -> None:
    outcome = archive.keep(group)
    if outcome.quarantined:
        raise ArchiveError(
            f"message {row.id} came into conflict while it was released, and stays: release it again"
        )
    archive.quarantine.remove([row])


def read_frame(arrival: Arrival, waived: str) -> Frame:
    """Return the frame in *arrival* without the check that *waived* names; raise MalformedError if another one refuses it."""
    if waived in _ABOUT_ATTRIBUTES:
        return decode_frame(replace(arrival, attributes={}))
    if waived == "topic-mismatch":
        picture, _ = codecs.decode(arrival.value)
        if metadata := exif.read_metadata(picture):
            # What a camera wrote into its picture says more than the topic that somebody sent it on.
            arrival = replace(arrival, topic=_frames_topic(arrival, metadata.camera))
    if waived == "torn-picture":
        picture, _ = codecs.decode(arrival.value)
        if content_type := jpeg.sniff(picture):
            whole = decode_frame(replace(arrival, value=picture + _ENDS[content_type]))
            return replace(whole, data=picture)
    return decode_frame(arrival)


def _read_telemetry(arrival: Arrival, waived: str) -> Telemetry:
    if waived in _ABOUT_ATTRIBUTES:
        arrival = replace(arrival, attributes={})
    if waived == "topic-mismatch":
        return parse_telemetry(arrival.value)
    return decode_telemetry(arrival)


def _frames_topic(arrival: Arrival, camera: str) -> str:
    topic = names.kafka_topic if arrival.transport == "kafka" else names.mqtt_topic
    return topic(camera, "frames")
