"""Kafka's administration: one connection at a time, failures with their cause, and the types that requests are made of."""

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from kafka import errors
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    AlterConfigOp,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    NewTopic,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.protocol.admin import AlterClientQuotasRequest

from shutterbus_transport.errors import (
    BrokerUnavailableError,
    LoginRefusedError,
    NotAuthorizedError,
    TransportError,
    TransportMisconfiguredError,
)
from shutterbus_transport.kafka.library import LOGIN_REFUSALS, Net
from shutterbus_transport.probe import plain_to_tls, tls_refusal
from shutterbus_transport.settings import BrokerSettings

__all__ = [
    "ACL",
    "ACLFilter",
    "ACLOperation",
    "ACLPermissionType",
    "ACLResourcePatternType",
    "AlterClientQuotasRequest",
    "AlterConfigOp",
    "ConfigResource",
    "ConfigResourceType",
    "KafkaAdminClient",
    "NewTopic",
    "ResourcePattern",
    "ResourcePatternFilter",
    "ResourceType",
    "addresses",
    "connect",
    "errors",
    "explain",
    "explained",
]


@contextlib.contextmanager
def connect(settings: BrokerSettings, timeout_s: float, **options: Any) -> Iterator[KafkaAdminClient]:
    """Yield an administrator's connection that gives up at its first failure; *timeout_s* is for each request.

    Raises:
        BrokerUnavailableError: Nobody answers as a Kafka broker.
        LoginRefusedError, TransportMisconfiguredError: It does not accept who we are.
        TransportError: What was asked within the context failed; its cause is the library's error.
    """
    net = Net()
    timeouts = dict.fromkeys(("bootstrap_timeout_ms", "request_timeout_ms"), int(timeout_s * 1000))
    try:
        with explained(settings, net):
            client = KafkaAdminClient(
                **{**settings.kafka_client(), **timeouts, **options, "kafka_client": net}
            )
        try:
            yield client
        except errors.KafkaError as error:
            where = ", ".join(settings.addresses)
            raise TransportError(f"Kafka at {where} refused: {error}") from error
    finally:
        net.abort()
        net.close()


@contextlib.contextmanager
def explained(settings: BrokerSettings, net: Net) -> Iterator[None]:
    """Turn what a client raises while it connects into one of our errors, with the cause that it hides."""
    try:
        yield
    except (errors.KafkaError, *LOGIN_REFUSALS) as error:
        our_error = explain(settings, net.failure or error, net.failures)
        if isinstance(our_error, BrokerUnavailableError):
            our_error = plain_to_tls(settings) or our_error
        raise our_error from net.failure or error
    except OSError as error:
        raise NotAuthorizedError(f"a certificate or key file cannot be used: {error}") from error


def explain(
    settings: BrokerSettings, error: Exception, failures: Mapping[str, Exception] = MappingProxyType({})
) -> TransportError:
    """Return what a failed connection means; *failures* are those of each broker that was asked, by address."""
    by = (address for address, failure in failures.items() if failure is error)
    where = next(by, ", ".join(settings.addresses))
    if isinstance(error, LOGIN_REFUSALS):
        return LoginRefusedError(f"{where} refuses the user {settings.username}: {error}")
    if refusal := tls_refusal(error):
        return TransportMisconfiguredError(f"{where}: {refusal}")
    each = failures or {where: error}
    return BrokerUnavailableError(
        "; ".join(f"{address} gives no connection: {failure}" for address, failure in each.items())
    )


def addresses(admin: KafkaAdminClient) -> list[tuple[str, int]]:
    """Return where the brokers say that they are. Asking aloud would need those very addresses."""
    return [(node.host, node.port) for node in admin._manager.cluster.brokers()]  # noqa: SLF001 (likewise)
