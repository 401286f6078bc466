"""Getting through to a broker, or saying why not.

kafka-python hides the cause of a failed connection behind a time-out, so each address is first tried by hand.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator

import kafka.errors
from kafka.admin import KafkaAdminClient

from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_transport.settings import BrokerSettings

PROBE_S = 5.0
_ALERT_S = 0.3


@contextlib.contextmanager
def kafka_admin(settings: BrokerSettings, timeout_s: float = 20) -> Iterator[KafkaAdminClient]:
    """An administrator's connection to Kafka for the length of the context.

    Raises:
        UnreachableError: Nothing usable answers there now.
        SetupError: It answers, and what was asked of it within the context failed.
    """
    obstacles = [probe(settings, host, port) for host, port in settings.brokers]
    if all(obstacles):
        raise UnreachableError("; ".join(filter(None, obstacles)))
    try:
        with KafkaAdminClient(
            **settings.kafka_client(),
            bootstrap_timeout_ms=int(timeout_s * 1000),
            request_timeout_ms=int(timeout_s * 1000),
        ) as admin:
            yield admin
    except kafka.errors.KafkaTimeoutError as error:
        raise UnreachableError(
            f"{', '.join(settings.addresses)} accepts connections but gives no answer as a Kafka broker within "
            f"{timeout_s:.0f} s{_other_side(settings)}"
        ) from error
    except kafka.errors.KafkaError as error:
        raise SetupError(f"Kafka at {', '.join(settings.addresses)} refused: {error}") from error


def probe(settings: BrokerSettings, host: str, port: int) -> str | None:
    """Return a sentence about what keeps us from talking to *host*, or None when nothing does."""
    place = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=PROBE_S) as connection:
            if settings.tls is None:
                return None
            with settings.tls.context().wrap_socket(connection, server_hostname=host) as encrypted:
                # With TLS 1.3 a broker's word on our own certificate comes after the handshake.
                encrypted.settimeout(_ALERT_S)
                with contextlib.suppress(TimeoutError):
                    if encrypted.recv(1) == b"":
                        return f"{place} closed the connection at once"
    except ssl.SSLCertVerificationError as error:
        return f"{place} shows a certificate that cannot be accepted: {error.verify_message}"
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        if "certificate required" in reason:
            return f"{place} wants a certificate of ours and got none"
        if "wrong version number" in reason:
            return f"{place} does not speak TLS"
        return f"{place} does not accept our TLS connection: {reason}"
    except socket.gaierror:
        return f"{host} is not known by any name server this machine asks"
    except TimeoutError:
        return f"{place} does not answer within {PROBE_S:.0f} s"
    except OSError as error:
        return f"{place} cannot be reached: {(error.strerror or str(error)).lower()}"
    return None


def _other_side(settings: BrokerSettings) -> str:
    """A guess at what else it may be, from what a first TLS packet provokes."""
    if settings.tls is not None:
        return ""
    host, port = settings.brokers[0]
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=PROBE_S) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return "; it speaks TLS: name a CA and a certificate"
    except OSError:
        return ""
