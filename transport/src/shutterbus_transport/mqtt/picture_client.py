"""What paho-mqtt 2 does with each message, made quick for pictures: it is written for messages of a few bytes.

To read the words in front of a picture, paho copies the picture once for each byte that it takes off, and it finds the name of a
property by going through all there are. So it is given what it needs of a message, with the properties of ours already
read, and is left to decode by itself whatever is unusual in any way.
"""

import functools
from collections.abc import Sequence
from typing import Any, Literal

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode

_QOS_BITS, _QOS_2 = 0x06, 0x04
_CONTENT_TYPE, _USER_PROPERTY = 0x03, 0x26
_LENGTH_MAX_BYTES = 4
"""Of a number whose length varies, as MQTT writes them."""

_PLAIN_PUBACK_BYTES = 2
"""Of one that says nothing but which message it is about: the broker has taken it."""

_NONE: dict[str, Any] = vars(Properties(PacketTypes.PUBLISH))  # type: ignore[no-untyped-call] # theirs
_NOTHING, _TAKEN = Properties(PacketTypes.PUBACK), ReasonCode(PacketTypes.PUBACK)  # type: ignore[no-untyped-call] # theirs


class MessageProperties(Properties):
    """The properties that a message of ours has, and no other."""

    ContentType: str
    UserProperty: Sequence[tuple[str, str]]

    __setattr__ = object.__setattr__

    def __init__(self, content_type: str | None, user_properties: Sequence[tuple[str, str]]) -> None:
        vars(self).update(_NONE)
        self.UserProperty = user_properties
        if content_type is not None:
            self.ContentType = content_type

    def pack(self) -> bytes:
        parts = [bytes([_CONTENT_TYPE]), _write(self.ContentType)] if hasattr(self, "ContentType") else []
        for name, value in self.UserProperty:
            parts += (bytes([_USER_PROPERTY]), _write(name), _write(value))
        block = b"".join(parts)
        length: bytes = VariableByteIntegers.encode(len(block))  # type: ignore[no-untyped-call] # theirs
        return length + block


class PictureClient(Client):
    """A paho client that takes a message in with one copy of its payload, and a confirmation without a search."""

    _payload: bytes | None = None
    _properties: MessageProperties | None = None

    def _handle_publish(self) -> MQTTErrorCode:
        self._payload = self._properties = None
        packet, qos_bits = self._in_packet["packet"], self._in_packet["command"] & _QOS_BITS
        if qos_bits != _QOS_2:  # else it is kept for a later packet
            topic_end = 2 + int.from_bytes(packet[:2]) + (2 if qos_bits else 0)
            begin = end = topic_end
            if self._protocol == MQTTv5:
                begin, end = _block(packet, topic_end)
            self._payload = bytes(memoryview(packet)[end:])
            del packet[end:]
            if begin < end == len(packet) and (properties := read_properties(bytes(packet[begin:]))):
                self._properties = properties
                packet[topic_end:] = b"\0"
        return super()._handle_publish()

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) != _PLAIN_PUBACK_BYTES:
            return super()._handle_pubackcomp(cmd)
        mid = int.from_bytes(packet)
        with self._out_message_mutex:
            if mid in self._out_messages:
                return self._do_on_publish(mid, _TAKEN, _NOTHING)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_on_message(self, message: MQTTMessage) -> None:
        if self._payload is not None:
            message.payload, self._payload = self._payload, None
        if self._properties is not None:
            message.properties, self._properties = self._properties, None
        super()._handle_on_message(message)


def _block(packet: bytearray, at: int) -> tuple[int, int]:
    """Return where the properties whose length is said *at* begin and end; in a torn packet, beyond its end."""
    length = 0
    for place, byte in enumerate(packet[at : at + _LENGTH_MAX_BYTES]):
        at += 1
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    return at, at + length


def read_properties(block: bytes) -> MessageProperties | None:
    """Return the properties in *block* if they are such as ours and in order; None leaves them to paho."""
    content_type: str | None = None
    pairs: list[tuple[str, str]] = []
    at = 0
    try:
        while at < len(block):
            kind = block[at]
            text, at = _read(block, at + 1)
            if kind == _USER_PROPERTY:
                value, at = _read(block, at)
                pairs.append((text, value))
            elif kind == _CONTENT_TYPE and content_type is None:
                content_type = text
            else:
                return None
    except ValueError:
        return None
    return MessageProperties(content_type, pairs)


def _read(block: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + int.from_bytes(block[at : at + 2])
    text = block[at + 2 : end].decode()
    if end > len(block) or "\0" in text or "\ufeff" in text:
        raise ValueError("torn, or with what MQTT forbids")
    return text, end


@functools.lru_cache(256)  # names, and most values, are the same in every message
def _write(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2) + data
