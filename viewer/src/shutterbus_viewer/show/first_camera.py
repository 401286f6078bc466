"""What an empty wall says to type, so that a first camera appears: what fits where this viewer runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from shutterbus_transport.settings import BrokerSettings


@dataclass(frozen=True, slots=True)
class FirstCamera:
    """A sentence, the command that it introduces, and what that does."""

    step: str
    command: str
    after: str


ENROLL = FirstCamera(
    "To add one, type on the server, in the folder of Shutterbus:",
    "make enroll CAMERA=gate",
    "It writes gate.tar, which holds all that the camera needs, and says what to do with it.",
)

OLDER_MQTT = {4: "3.1.1", 3: "3.1"}


def first_camera(brokers: Sequence[BrokerSettings]) -> FirstCamera:
    """Return what to type for the *brokers* that this viewer reads from."""
    broker = brokers[0]
    if broker.tls and broker.tls.certfile:
        return ENROLL  # the broker wants a certificate of each camera
    address = quote(",".join(broker.addresses))
    settings = ["CAMERA_ID=gate", "CAMERA_SOURCE=testcard", f"SS_TYPE={broker.type}", f"SS_BROKERS={address}"]
    if broker.type == "mqtt" and broker.protocol in OLDER_MQTT:
        settings.append(f"SS_PROTOCOL={OLDER_MQTT[broker.protocol]}")
    if broker.tls:
        settings.append("SS_TLS=true")
    topics = f".venv/bin/shutterbus-broker topics gate --brokers {quote(broker.addresses[0])} && "
    return FirstCamera(
        "To send a test picture to the broker of this viewer, type in the folder of Shutterbus, after make .venv/.run:",
        f"{topics if broker.type == 'kafka' else ''}{' '.join(settings)} .venv/bin/shutterbus-edge run",
        "What else a broker may ask for, such as a user name, is in docs/own-broker.md.",
    )
