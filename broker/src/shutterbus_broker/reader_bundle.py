"""The file that ``enroll`` writes for a reader, a person or program that only looks: ready lines for the tools that people have."""

from collections.abc import Iterator, Sequence

from shutterbus_broker import hosts
from shutterbus_broker.enrollment_bundle import Server
from shutterbus_broker.installation import Installation

CONFIG = ".sinetstream_config.yml"
_EXAMPLE = "gate"


def files(installation: Installation, server: Server, reader: str) -> dict[str, bytes]:
    """Return what lies beside the certificate of *reader*: lines to copy, for the brokers that run here."""
    cameras = installation.identities().active_cameras
    camera = _EXAMPLE if _EXAMPLE in cameras or not cameras else cameras[0]
    brokers = [name for name in ("kafka", "mqtt") if name in installation.profiles()]
    paragraphs = [
        f"Read-only access to all pictures of {server.name}. Run these lines in this folder; {camera} stands for the camera.",
        *_name(server),
        *(_LINES[broker](server, reader, camera) for broker in brokers),
        _sinetstream(brokers, camera, reader),
    ]
    return {
        "README.txt": "\n".join(paragraphs).encode(),
        CONFIG: "\n".join(_config(server, reader, camera, brokers)).encode(),
    }


def _name(server: Server) -> Iterator[str]:
    if server.address and not hosts.is_address(server.name.strip("[]")):
        yield (
            f"\nThis machine must know the name {server.name}. Where no name server does:\n\n"
            f"echo '{server.address} {server.name}' | sudo tee -a /etc/hosts"
        )


def _kcat(server: Server, reader: str, camera: str) -> str:
    return f"""
The newest picture of a camera that sends over Kafka (SS_TYPE=kafka), with kcat:

kcat -q -b {server.name}:9093 -X security.protocol=ssl -X ssl.ca.location=secrets/ca.crt \\
    -X ssl.certificate.location=secrets/{reader}.crt -X ssl.key.location=secrets/{reader}.key \\
    -t shutterbus.{camera}.frames -C -o -1 -c 1 -f %s > picture.jpg"""


def _mosquitto_sub(server: Server, reader: str, camera: str) -> str:
    return f"""
The newest picture of a camera that sends over MQTT (SS_TYPE=mqtt), with mosquitto_sub; one that sends over Kafka has none there:

mosquitto_sub -h {server.name.strip("[]")} -p 8883 --cafile secrets/ca.crt --cert secrets/{reader}.crt \\
    --key secrets/{reader}.key -V 5 -q 1 -t shutterbus/{camera}/frames -C 1 -N -W 10 > picture.jpg"""


_LINES = {"kafka": _kcat, "mqtt": _mosquitto_sub}


def _sinetstream(brokers: Sequence[str], camera: str, reader: str) -> str:
    services = " or ".join(f"{camera}-{broker}" for broker in brokers)
    return f"""
The next picture, with SINETStream 1.10 (pip install sinetstream {" ".join(f"sinetstream-{broker}" for broker in brokers)}). Its
services are in {CONFIG}: {services}, by how the camera sends. Kafka's consumer groups must begin with "{reader}.".

python3 -c 'from sinetstream import MessageReader
with MessageReader("{camera}-{brokers[0]}") as reader:
    open("picture.jpg", "wb").write(next(iter(reader)).value)'
"""


def _config(server: Server, reader: str, camera: str, brokers: Sequence[str]) -> Iterator[str]:
    yield "header: {version: 3}"
    yield "config:"
    topics = {"kafka": f"shutterbus.{camera}.frames", "mqtt": f"shutterbus/{camera}/frames"}
    ports = {"kafka": 9093, "mqtt": 8883}
    for broker in brokers:
        yield f"  {camera}-{broker}:"
        yield f"    type: {broker}"
        yield f'    brokers: "{server.name}:{ports[broker]}"'
        yield f"    topic: {topics[broker]}"
        yield "    consistency: AT_LEAST_ONCE"
        yield "    user_data_only: true  # the JPEG itself; not where the camera has SS_MESSAGE_FORMAT=3"
        yield f"    tls: {{ca_certs: secrets/ca.crt, certfile: secrets/{reader}.crt, keyfile: secrets/{reader}.key}}"
        if broker == "kafka":
            yield f"    type_spec: {{group_id: {reader}.sinetstream}}"
    yield ""
