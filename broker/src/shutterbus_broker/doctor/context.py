"""What is examined: one server, and where it is reached from here."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from shutterbus_broker.installation import Installation, message_max_bytes
from shutterbus_transport.settings import KAFKA_OVERHEAD_BYTES, BrokerSettings, Tls

Address = tuple[str, int]


@dataclass(frozen=True)
class CheckContext:
    """One server.

    Attributes:
        inside: Whether we are on the network that Compose makes, where services have names of their own.
        containers: What ``docker inspect`` says of them; None where Docker cannot be asked.
    """

    installation: Installation
    now: dt.datetime
    inside: bool = False
    containers: Sequence[Mapping[str, Any]] | None = None

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """What is in ``.env``."""
        return self.installation.settings()

    @property
    def profiles(self) -> frozenset[str]:
        """Which brokers are meant to run."""
        return self.installation.profiles()

    @property
    def server_name(self) -> str:
        """What Kafka gives out as its address."""
        return self.settings.get("SERVER_NAME", "").strip("[]")

    @property
    def message_max_bytes(self) -> int:
        """The one number."""
        return message_max_bytes(self.settings)

    @property
    def frame_max_bytes(self) -> int:
        """The largest picture that fits."""
        return self.message_max_bytes - KAFKA_OVERHEAD_BYTES

    def address(self, service: str) -> Address:
        """Where *service* is reached from here."""
        port = {"kafka": 9094 if self.inside else 9093, "mosquitto": 8883, "viewer": 8080}[service]
        if service == "viewer" and not self.inside:
            port = int(self.settings.get("VIEWER_PORT") or port)
        return (service if self.inside else self.server_name, port)

    @property
    def tls(self) -> Tls:
        """The doctor's own certificate, and the CA certificate that verifies the servers'."""
        kafka_tls = self.kafka.tls
        assert kafka_tls is not None
        return kafka_tls

    @property
    def kafka(self) -> BrokerSettings:
        """Kafka as the doctor, who may send to itself."""
        return self._broker("kafka", "doctor", self.address("kafka"))

    @property
    def kafka_admin(self) -> BrokerSettings:
        """Kafka as the set-up, who may ask for everything."""
        return self._broker("kafka", "setup", self.address("kafka"))

    @property
    def mosquitto(self) -> BrokerSettings:
        """Mosquitto as the doctor."""
        return self._broker("mqtt", "doctor", self.address("mosquitto"))

    def _broker(self, kind: Literal["kafka", "mqtt"], client: str, at: Address) -> BrokerSettings:
        return self.installation.broker(kind, client).model_copy(update={"brokers": (at,)})
