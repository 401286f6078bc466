"""A consumer that knows Kafka, MQTT and JPEG, and nothing of Shutterbus: what a stranger would write from the docs.

    raw_consumer.py kafka 127.0.0.1:9092 shutterbus.gate.frames out.jsonl
    raw_consumer.py mqtt 127.0.0.1:1883 shutterbus/gate/frames,shutterbus/gate/readings/# out.jsonl

Appends one line of JSON a message, in the order of arrival: topic, camera, epoch, sequence, lane, a reading's stream, whether
a broker had retained it, and the SHA-256 of the scan, which is everything from the first start-of-scan marker on, or of all
of what is no JPEG. Runs until it is ended. SECRETS names the folder with a reader's certificate, where the broker wants one;
HOSTS="name=address" is what /etc/hosts would say.
"""

import hashlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any


def scan_sha256(jpeg: bytes) -> str:
    """Return the SHA-256 of *jpeg* from its first SOS marker to its end, in hex; of all of it if it is no JPEG."""
    position = 2
    if not jpeg.startswith(b"\xff\xd8"):
        return hashlib.sha256(jpeg).hexdigest()
    while jpeg[position : position + 2] != b"\xff\xda":
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    return hashlib.sha256(jpeg[position:]).hexdigest()


class Notes:
    """The file of what arrived."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def note(self, topic: str, attributes: dict[str, str], value: bytes, *, retained: bool = False) -> None:
        """Write one line; *retained* is what an MQTT broker keeps for those who subscribe, and says nothing about order."""
        line = {
            "topic": topic,
            "camera": attributes["camera"],
            "epoch": attributes["epoch"],
            "stream": attributes.get("stream"),
            "seq": int(attributes["sequence"]),
            "lane": attributes["lane"],
            "time": attributes["time"],
            "sha256": scan_sha256(value),
            "bytes": len(value),
            "retained": retained,
            "at_s": time.time(),
        }
        self._file.write(json.dumps(line) + "\n")


def credentials() -> dict[str, str]:
    """Return our authority, certificate and key, as files; nothing where the broker asks for none."""
    if not (folder := os.environ.get("SECRETS")):
        return {}
    files = {path.suffix: str(path) for path in Path(folder).iterdir() if path.name != "ca.crt"}
    return {"ca": f"{folder}/ca.crt", "certificate": files[".crt"], "key": files[".key"]}


def know_hosts() -> None:
    """Look names of HOSTS up there first."""
    known = dict(entry.split("=") for entry in os.environ.get("HOSTS", "").split())
    ask = socket.getaddrinfo

    def answer(host: Any, *rest: Any, **more: Any) -> Any:
        return ask(known.get(host, host), *rest, **more)

    socket.getaddrinfo = answer


def from_kafka(address: str, topic: str, notes: Notes) -> None:
    """Read *topic*, which has one partition, from its beginning.

    kafka-python reconnects by itself, except where a connection is reset before TLS begins: then it never again asks who
    leads a partition, and nothing comes. So a consumer to which nothing came for a while is replaced.
    """
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    tls = {}
    if files := credentials():
        tls = {
            "security_protocol": "SSL",
            "ssl_cafile": files["ca"],
            "ssl_certfile": files["certificate"],
            "ssl_keyfile": files["key"],
        }
    partition, offset = TopicPartition(topic, 0), 0
    while True:
        try:
            consumer = KafkaConsumer(
                bootstrap_servers=address,
                group_id=None,
                consumer_timeout_ms=15_000,
                # By default it waits up to 30 s between two attempts: that would measure kafka-python, not us.
                reconnect_backoff_max_ms=1000,
                **tls,
            )
        except KafkaError as error:
            print(error, file=sys.stderr)
            continue
        consumer.assign([partition])
        consumer.seek(partition, offset)
        Path(sys.argv[4]).with_suffix(".ready").touch()
        for record in consumer:
            attributes = {name.removeprefix("ce_"): value.decode() for name, value in record.headers}
            notes.note(topic, attributes, record.value)
            offset = record.offset + 1
        consumer.close(timeout_ms=1000)
        print(f"nothing came for a while after offset {offset}", file=sys.stderr)


def from_mqtt(address: str, topics: str, notes: Notes) -> None:
    """Subscribe, to several topics with commas between them, with QoS 1 and a session that outlives the connection; paho reconnects by itself."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    def on_connect(client: mqtt.Client, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason == 0 and not flags.session_present:
            client.subscribe([(topic, 1) for topic in topics.split(",")])

    def on_subscribe(*_: Any) -> None:
        Path(sys.argv[4]).with_suffix(".ready").touch()

    def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        assert message.properties is not None
        attributes = dict(getattr(message.properties, "UserProperty", []))
        notes.note(message.topic, attributes, bytes(message.payload), retained=message.retain)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="raw-consumer", protocol=mqtt.MQTTv5)
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.reconnect_delay_set(1, 2)
    if files := credentials():
        client.tls_set(files["ca"], files["certificate"], files["key"])
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's own
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = 20
    host, port = address.split(":")
    client.connect(host, int(port), clean_start=False, properties=properties)
    client.loop_forever(retry_first_connection=True)


if __name__ == "__main__":
    know_hosts()
    {"kafka": from_kafka, "mqtt": from_mqtt}[sys.argv[1]](sys.argv[2], sys.argv[3], Notes(Path(sys.argv[4])))
