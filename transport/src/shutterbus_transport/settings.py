"""How a broker is reached: one description that yields the keyword arguments of either client library.

It connects to nothing and imports neither library, so that edge, viewer, archive and doctor cannot disagree
about an address, a certificate or a size.
"""

from typing import Any, Literal

from shutterbus_transport.broker_fields import KAFKA_OVERHEAD_BYTES, BrokerFields, fixed_for
from shutterbus_transport.tls import Tls

__all__ = ["KAFKA_OVERHEAD_BYTES", "REQUEST_MAX_BYTES", "BrokerSettings", "Tls", "fixed_for"]

REQUEST_MAX_BYTES = 104_857_600
"""What a Kafka broker accepts of one request by default; the topic's own limit is far below it."""


class BrokerSettings(BrokerFields, frozen=True):
    """Where a broker is, how to prove who we are, and what it may be sent."""

    @property
    def mqtt_qos(self) -> int:
        """The quality of service that ``qos``, else ``consistency``, asks for."""
        levels = {"AT_MOST_ONCE": 0, "AT_LEAST_ONCE": 1, "EXACTLY_ONCE": 2}
        return levels[self.consistency] if self.qos is None else self.qos

    @property
    def addresses(self) -> tuple[str, ...]:
        """The brokers as ``host:port``, as people and kafka-python write them."""
        return tuple(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.brokers)

    def kafka_client(self) -> dict[str, Any]:
        """Return what every kafka-python client needs to connect; also all that its admin client needs.

        Raises:
            OSError, ssl.SSLError: See ``Tls.context``.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.addresses),
            "security_protocol": self.kafka_security_protocol,
            "reconnect_backoff_max_ms": 5_000,
        }
        if self.tls:
            options |= {"ssl_context": self.tls.context(), "ssl_check_hostname": self.tls.check_hostname}
        if self.username is not None:
            options |= {
                "sasl_mechanism": self.sasl_mechanism or "PLAIN",
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value() if self.password else "",
            }
        if self.client_id:
            options["client_id"] = self.client_id
        return options

    def kafka_producer(self, broker_limit_bytes: int | None = None) -> dict[str, Any]:
        """Return the arguments of a producer that recovers by itself and never repeats out of order.

        *broker_limit_bytes* is the topic's ``max.message.bytes``, once it is known.
        """
        limits = [limit for limit in (self.max_request_size, broker_limit_bytes) if limit is not None]
        return {
            **self.kafka_client(),
            # With idempotence a producer of kafka-python 3.0 never sends again after an outage longer than its
            # delivery time-out. Repeats are recognised by frame id instead.
            "enable_idempotence": False,
            "acks": "all",
            # One at a time: otherwise a repeat overtakes its successor.
            "max_in_flight_requests_per_connection": 1,
            # Long enough for 4 MB over a line of 1 Mbit/s; at 30 s such a frame would be given up each time.
            "request_timeout_ms": 120_000,
            "delivery_timeout_ms": 300_000,
            "max_block_ms": 5_000,
            "linger_ms": 0,
            # Each attempt sends the whole picture again, to a cluster that may lack replicas for an hour.
            "retry_backoff_ms": 1_000,
            "compression_type": None,
            **self.client_options,
            "max_request_size": min(limits, default=REQUEST_MAX_BYTES),
        }

    def kafka_consumer(self) -> dict[str, Any]:
        """Return the arguments of a consumer without a group that finds new cameras within 2 s."""
        return {
            **self.kafka_client(),
            "group_id": None,
            "enable_auto_commit": False,
            "allow_auto_create_topics": False,
            "metadata_max_age_ms": 2_000,
            "fetch_max_bytes": 16_777_216,
            "max_partition_fetch_bytes": 9_437_184,
            "max_poll_records": 10,
            **self.client_options,
        }

    def mqtt_client(self, protocol: Literal[5, 4, 3] | None = None) -> dict[str, Any]:
        """Return the arguments of ``paho.mqtt.client.Client`` but its name; *protocol* is tried instead of ours."""
        return {"protocol": protocol or self.protocol, "transport": self.transport}

    def mqtt_connect(self) -> dict[str, Any]:
        """Return the arguments of paho's ``connect``."""
        host, port = self.brokers[0]
        bound = {
            name: self.client_options[name]
            for name in ("bind_address", "bind_port")
            if name in self.client_options
        }
        return {"host": host, "port": port, "keepalive": self.keepalive_s, **bound}

    def mqtt_reconnect(self) -> dict[str, Any]:
        """Return the arguments of paho's ``reconnect_delay_set``."""
        return {
            name: self.client_options.get(name, default)
            for name, default in (("min_delay", 1), ("max_delay", 30))
        }

    def mqtt_credentials(self) -> dict[str, Any] | None:
        """Return the arguments of paho's ``username_pw_set``, or None where no password is used."""
        if self.username is None:
            return None
        return {
            "username": self.username,
            "password": self.password.get_secret_value() if self.password else None,
        }
