"""An administrator's connection to Kafka, or a sentence on why there is none."""

import contextlib
from collections.abc import Iterator

from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_transport.errors import BrokerUnavailableError, TransportError
from shutterbus_transport.kafka import admin
from shutterbus_transport.probe import obstacle
from shutterbus_transport.settings import BrokerSettings


@contextlib.contextmanager
def kafka_admin(settings: BrokerSettings, timeout_s: float = 20) -> Iterator[admin.KafkaAdminClient]:
    """An administrator's connection to Kafka for the length of the context.

    Raises:
        UnreachableError: Nothing usable answers there now.
        SetupError: It answers, and what was asked of it within the context failed.
    """
    obstacles = [obstacle(settings, address) for address in settings.brokers]
    if all(obstacles):
        raise UnreachableError("; ".join(filter(None, obstacles)))
    try:
        with admin.connect(settings, timeout_s) as client:
            yield client
    except BrokerUnavailableError as error:
        raise UnreachableError(str(error)) from error
    except TransportError as error:
        raise SetupError(str(error)) from error
