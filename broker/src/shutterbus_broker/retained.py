"""What Mosquitto keeps for those who subscribe later, and how it is cleared.

It is read from the database that Mosquitto saves: to be asked costs it memory, and that may be what it lacks.
"""

import queue
import secrets
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_broker.installation import Installation
from shutterbus_transport.errors import NoSubscribersError, TransportError
from shutterbus_transport.mqtt.sending import MqttClient, Version
from shutterbus_transport.sending import Outgoing
from shutterbus_wire.message import Message
from shutterbus_wire.names import MQTT_PREFIX

Say = Callable[[str], None]
AT_ONCE = 16
ANSWER_S = 20.0

# Its format 6, of versions 2.0 and 2.1, which fixes these structures: src/persist.h of Mosquitto.
_MAGIC = b"\x00\xb5\x00mosquitto db"
_FORMAT = 6
_HEADER = struct.Struct(f">{len(_MAGIC)}sII")  # and a checksum that is not used
_CHUNK = struct.Struct(">II")  # kind, length of what follows
_MESSAGE = struct.Struct(
    ">8sqIHHHHHBB"
)  # id, expiry, payload, message id, client, user, topic, port, QoS, retain
_MESSAGE_KIND, _RETAINED_KIND = 2, 4


@dataclass(frozen=True, slots=True)
class Retained:
    """One message that is kept."""

    topic: str
    size_bytes: int


def database(installation: Installation) -> Path:
    """Return where Mosquitto saves what it keeps."""
    return installation.state / "mosquitto" / "data" / "mosquitto.db"


def read(path: Path) -> list[Retained]:
    """Return what was kept when Mosquitto saved last; nothing where it never did.

    Raises:
        SetupError: It is in a form that is not known here.
    """
    try:
        with path.open("rb") as file:
            magic, _, version = _HEADER.unpack(file.read(_HEADER.size))
            if (magic, version) != (_MAGIC, _FORMAT):
                raise SetupError(f"{path} is no database of Mosquitto 2.0 or 2.1")
            messages: dict[bytes, Retained] = {}
            kept: list[Retained] = []
            for kind, key, message in _chunks(file):
                if kind == _MESSAGE_KIND and message:
                    messages[key] = message
                elif kind == _RETAINED_KIND and key in messages:
                    kept.append(messages[key])
    except FileNotFoundError:
        return []
    except struct.error as error:
        raise SetupError(f"{path} ends early") from error
    return kept


def _chunks(file: BinaryIO) -> Iterator[tuple[int, bytes, Retained | None]]:
    while head := file.read(_CHUNK.size):
        kind, length = _CHUNK.unpack(head)
        end = file.tell() + length
        if kind == _MESSAGE_KIND:
            key, _, size_bytes, _, client, user, topic, *_ = _MESSAGE.unpack(file.read(_MESSAGE.size))
            name = file.read(client + user + topic)[client + user :]
            yield kind, key, Retained(name.decode("utf-8", "replace"), size_bytes)
        elif kind == _RETAINED_KIND:
            yield kind, file.read(8), None
        file.seek(end)


def clear(installation: Installation, camera: str, say: Say) -> None:
    """Have Mosquitto forget all that *camera* left in it. Who is connected is told by empty messages."""
    if "mqtt" not in installation.profiles():
        return
    left = [
        message
        for message in read(database(installation))
        if message.topic.startswith(f"{MQTT_PREFIX}{camera}/")
    ]
    if not left:
        return
    try:
        _publish_nothing(installation, [message.topic for message in left])
    except UnreachableError as error:
        say(
            f"Mosquitto does not run now ({error}). It shows nobody what {camera} left there; to clear it, start Mosquitto "
            f"and run make revoke CAMERA={camera} again"
        )
    else:
        size_bytes = sum(message.size_bytes for message in left)
        say(f"Mosquitto has cleared {len(left)} messages of {camera}, {size_bytes} bytes")


def _publish_nothing(installation: Installation, topics: list[str]) -> None:
    nothing = Message(b"", "application/octet-stream", {})
    answers: queue.SimpleQueue[TransportError | None] = queue.SimpleQueue()
    try:
        client = MqttClient(
            installation.broker("mqtt", "setup"), f"shutterbus-clear-{secrets.token_hex(8)}", Version(5)
        )
    except TransportError as error:
        raise UnreachableError(str(error)) from error
    try:
        for at in range(0, len(topics), AT_ONCE):
            batch = topics[at : at + AT_ONCE]
            for topic in batch:
                client.send(Outgoing(topic, b"", nothing, retain=True), answers.put)
            for _ in batch:
                answer = answers.get(timeout=ANSWER_S)
                if answer and not isinstance(answer, NoSubscribersError):
                    raise UnreachableError(str(answer))
    except queue.Empty as error:
        raise UnreachableError(f"it gives no answer within {ANSWER_S:.0f} s") from error
    finally:
        client.close()
