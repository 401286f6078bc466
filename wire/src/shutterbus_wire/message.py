"""Frames as messages: what is put on a transport, and how what arrives becomes a frame again.

The form is recognised by content, never by claim. What a message says of itself in its topic, in its headers
and inside its picture must agree; where it says nothing, the transport names it.
"""

import contextlib
import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from shutterbus_wire import cloudevents, codecs, exif, instant, jpeg, names
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import CapturedAtSource, Frame, FrameMetadata, Lane
from shutterbus_wire.identity import SEQ_MAX, FrameId
from shutterbus_wire.taken_at import NoInstantError, taken_at_us, texts_of


@dataclass(frozen=True, slots=True)
class Message:
    """What is put on a transport.

    Attributes:
        value: Kafka's value or MQTT's payload.
        content_type: For ``content-type`` or the Content Type property.
        attributes: CloudEvents attributes without prefix.
    """

    value: bytes
    content_type: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came off a transport.

    Attributes:
        attributes: CloudEvents attributes without prefix; empty where the sender gave none.
        position: Kafka's partition and offset; None on MQTT.
        arrived_at_us: When it reached us, us since 1970, UTC.
        retained: Kept by the broker from before we came, and it does not say since when.
        topic_id: Kafka's, which a topic made anew under the same name does not have; empty where the broker gives none.
        redelivered: The broker says that it may have given us this message before (MQTT's DUP).
    """

    transport: Literal["kafka", "mqtt"]
    topic: str
    value: bytes
    attributes: Mapping[str, str]
    content_type: str | None
    position: tuple[int, int] | None
    arrived_at_us: int
    retained: bool = False
    topic_id: str = ""
    redelivered: bool = False


def encode_frame(frame: Frame, message_format: str, lane: Lane) -> Message:
    """Return the message that carries *frame*; its attributes mirror the facts for routing without decoding.

    *message_format* is one of ``codecs.CODECS``.
    """
    value, content_type = codecs.CODECS[message_format].encode(frame)
    metadata = frame.metadata
    attributes = {
        "specversion": cloudevents.SPEC_VERSION,
        "id": str(metadata.id),
        "source": cloudevents.source_of(metadata.camera),
        "type": cloudevents.FRAME_TYPE,
        "time": instant.rfc3339(metadata.captured_at_us),
        "camera": metadata.camera,
        "epoch": metadata.id.epoch,
        "sequence": str(metadata.id.seq),
        "clocksynced": "true" if metadata.clock_synced else "false",
        "lane": lane,
    }
    return Message(value, content_type, attributes)


def kafka_headers(message: Message) -> list[tuple[str, bytes]]:
    """Return the headers of *message* for Kafka."""
    return cloudevents.to_kafka(message.attributes, message.content_type)


def mqtt_user_properties(message: Message) -> list[tuple[str, str]]:
    """Return the user properties of *message* for MQTT 5; the content type has a property of its own."""
    return cloudevents.to_mqtt(message.attributes)


def arrival_from_kafka(
    topic: str,
    partition: int,
    offset: int,
    headers: Sequence[tuple[str, bytes | None]],
    value: bytes | None,
    arrived_at_us: int,
    topic_id: str = "",
) -> Arrival:
    """Return what a Kafka consumer received; raise MalformedError if its headers break the limits."""
    attributes, content_type = cloudevents.from_kafka(headers)
    position = partition, offset
    return Arrival(
        "kafka", topic, value or b"", attributes, content_type, position, arrived_at_us, topic_id=topic_id
    )


def arrival_from_mqtt(
    topic: str,
    payload: bytes,
    user_properties: Sequence[tuple[str, str]],
    content_type: str | None,
    retained: bool,
    arrived_at_us: int,
    redelivered: bool = False,
) -> Arrival:
    """Return what an MQTT client received; raise MalformedError if its properties break the limits."""
    attributes = cloudevents.from_mqtt(user_properties)
    return Arrival(
        "mqtt",
        topic,
        payload,
        attributes,
        content_type,
        None,
        arrived_at_us,
        retained,
        redelivered=redelivered,
    )


def decode_frame(
    arrival: Arrival,
    *,
    received_at_us: int | None = None,
    own_cameras: Container[str] = (),
    others: Container[str] = (),
) -> Frame:
    """Return the frame that *arrival* carries.

    Args:
        arrival: A message from a topic of ours, or from a foreign one.
        received_at_us: When its broker received it, us since 1970, UTC; None where it does not say.
        own_cameras: Cameras that have a topic of ours; a foreign topic cannot speak as one of them.
        others: Names that other foreign topics have.

    Raises:
        MalformedError: No picture in it, or it contradicts itself.
    """
    picture, claimed_at_us = codecs.decode(arrival.value)
    header = jpeg.check_whole(picture)
    metadata = exif.read_metadata(picture, header)
    lane = _check_attributes(arrival.attributes, metadata)
    camera = _camera(arrival, metadata, own_cameras, others)
    if metadata is None:
        captured_at_us, source = _captured_at(arrival, picture, header, claimed_at_us, received_at_us)
        identity = _named_by_transport(arrival)
        metadata = FrameMetadata(
            camera,
            identity,
            arrival.arrived_at_us if captured_at_us is None else captured_at_us,
            source,
            identity_source="transport",
        )
    elif metadata.camera != camera:
        metadata = replace(metadata, camera=camera)
    return Frame(metadata, picture, header.content_type, lane, known_header=header)


def topic_of_ours(arrival: Arrival) -> tuple[str, str] | None:
    """Return camera and kind that the topic names, None for a foreign topic."""
    if arrival.transport == "kafka":
        return names.camera_of_kafka_topic(arrival.topic)
    return names.camera_of_mqtt_topic(arrival.topic)


def _check_attributes(attributes: Mapping[str, str], metadata: FrameMetadata | None) -> Lane | None:
    """Return the lane; raise MalformedError if attributes of ours name another frame than the picture does."""
    kind = attributes.get("type", "")
    if not kind.startswith(cloudevents.TYPE_PREFIX):
        return None
    if kind != cloudevents.FRAME_TYPE:
        raise MalformedError(
            "unknown-version", f"header type is {kind[:80]!r}, {cloudevents.FRAME_TYPE} is expected"
        )
    if metadata is None:
        raise MalformedError("identity-conflict", "headers name a frame, but the picture itself does not")
    expected = {
        "id": str(metadata.id),
        "source": cloudevents.source_of(metadata.camera),
        "camera": metadata.camera,
        "epoch": metadata.id.epoch,
        "sequence": str(metadata.id.seq),
    }
    for name, inside in expected.items():
        outside = attributes.get(name, inside)
        if outside != inside:
            raise MalformedError(
                "identity-conflict", f"header {name} is {outside[:80]!r}, the picture says {inside!r}"
            )
    lane = attributes.get("lane")
    if lane is not None and lane not in get_args(Lane):
        raise MalformedError("bad-headers", f"header lane is {lane[:80]!r}, live or backlog is expected")
    return cast("Lane | None", lane)


def _camera(
    arrival: Arrival, metadata: FrameMetadata | None, own_cameras: Container[str], others: Container[str]
) -> str:
    named = topic_of_ours(arrival)
    if named is None:
        return names.foreign_camera(arrival.topic, own_cameras, metadata.camera if metadata else None, others)
    camera, kind = named
    if kind != "frames":
        raise MalformedError("topic-mismatch", f"a picture on a topic for {kind}")
    if metadata is not None and metadata.camera != camera:
        raise MalformedError("topic-mismatch", f"a picture of {metadata.camera} on the topic of {camera}")
    return camera


def _named_by_transport(arrival: Arrival) -> FrameId:
    """Return an id for a picture that brings none: by where it lay, so that reading again agrees."""
    if arrival.position is not None:
        partition, seq = arrival.position
        parts = [arrival.topic, str(partition), *([arrival.topic_id] if arrival.topic_id else [])]
        digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass"))
    else:
        seq = arrival.arrived_at_us
        digest = hashlib.sha256(f"{arrival.topic}\n".encode("utf-8", "surrogatepass"))
        digest.update(arrival.value)
    return FrameId(digest.hexdigest()[:16], min(max(seq, 0), SEQ_MAX))


def _captured_at(
    arrival: Arrival,
    picture: bytes,
    header: jpeg.Header,
    claimed_at_us: int | None,
    received_at_us: int | None,
) -> tuple[int | None, CapturedAtSource]:
    """Return when a foreign picture was taken, and by whose word: its message's, its broker's, its own, or nobody's."""
    if claimed_at_us is not None:
        return claimed_at_us, "arrival"
    if received_at_us is not None:
        return received_at_us, "arrival"
    if not arrival.retained:
        return arrival.arrived_at_us, "arrival"
    with contextlib.suppress(NoInstantError):
        if (at_us := taken_at_us(texts_of(picture, header))) is not None:
            return at_us, "file"
    return None, "unknown"
