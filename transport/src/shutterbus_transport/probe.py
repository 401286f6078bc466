"""What stands between us and a broker, asked step by step: its name, its port, its TLS, its word on our certificate.

Client libraries say at best that there was no connection in time.
"""

import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto

from shutterbus_transport.errors import TransportMisconfiguredError
from shutterbus_transport.settings import BrokerSettings
from shutterbus_transport.tls import Tls

Address = tuple[str, int]

PROBE_TIMEOUT_S = 4.0
"""Three attempts of the kernel: at once, after 1 s and after 3 s."""

OBJECTION_S = 0.3
"""How long a server may take to object to our certificate: with TLS 1.3 it does so after the handshake."""


class Step(Enum):
    """A step on the way to a broker, in their order."""

    NAME = auto()
    """No address is known for the name."""

    PORT = auto()
    """Nobody listens there, or nobody answers."""

    TLS = auto()
    """There is no encrypted connection that we accept."""

    REFUSAL = auto()
    """The server ends the encrypted connection: it does not accept our certificate."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of trying to connect.

    Attributes:
        failed: The step that failed; None where nothing did.
        error: With what; None also where the server ended the connection without a reason.
        round_trip_s: How long the TCP connection took.
        certificate: The server's, DER, where one was accepted.
        not_after: Until when that is valid, as OpenSSL spells it.
    """

    address: Address
    failed: Step | None = None
    error: OSError | None = None
    round_trip_s: float = 0.0
    certificate: bytes | None = None
    not_after: str | None = None


def probe(
    address: Address,
    tls: Tls | None = None,
    *,
    name: str | None = None,
    timeout_s: float = PROBE_TIMEOUT_S,
    objection_s: float = OBJECTION_S,
) -> Probe:
    """Connect to *address*, with *tls* where given, and say how far that went. The connection is closed.

    Args:
        address: Host and port.
        tls: How to encrypt; None stops at the port.
        name: Whom the certificate has to be for; by default the host.
        timeout_s: For each step.
        objection_s: How long to wait for a word against our certificate; 0 asks only what we think of theirs.

    Raises:
        OSError: A file of *tls* cannot be used.
    """
    context = tls.context() if tls else None
    begun_s = time.monotonic()
    try:
        plain = socket.create_connection(address, timeout=timeout_s)
    except socket.gaierror as error:
        return Probe(address, Step.NAME, error)
    except OSError as error:
        return Probe(address, Step.PORT, error)
    took_s = time.monotonic() - begun_s
    with plain:
        if context is None:
            return Probe(address, round_trip_s=took_s)
        try:
            encrypted = context.wrap_socket(plain, server_hostname=name or address[0])
        except OSError as error:
            return Probe(address, Step.TLS, error, took_s)
        with encrypted:
            not_after = (encrypted.getpeercert() or {}).get("notAfter")
            certificate = encrypted.getpeercert(binary_form=True)
            failed, refusal = _objection(encrypted, objection_s)
    return Probe(
        address, failed, refusal, took_s, certificate, not_after if isinstance(not_after, str) else None
    )


def _objection(encrypted: ssl.SSLSocket, within_s: float) -> tuple[Step | None, OSError | None]:
    if not within_s:
        return None, None
    encrypted.settimeout(within_s)
    try:
        return (Step.REFUSAL if encrypted.recv(1) == b"" else None), None
    except TimeoutError:
        return None, None
    except OSError as error:
        return Step.REFUSAL, error


def why(addresses: Sequence[Address], error: OSError) -> str:
    """Return a sentence about *error* that names the broker."""
    *others, last = (f"{host}:{port}" for host, port in addresses)
    where = f"{', '.join(others)} and {last}" if others else last
    several = len(addresses) > 1
    match error:
        case ConnectionRefusedError():
            return f"{where} {'refuse' if several else 'refuses'} the connection"
        case TimeoutError():
            return f"{where} {'do' if several else 'does'} not answer"
        case socket.gaierror():
            return f"no address is known for {where}: {error.strerror}"
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            return f"there is no way to {where}: {error.strerror}"
        case _:
            return f"{where}: {error.strerror or error}"


def why_each(failures: Mapping[Address, OSError]) -> str:
    """Return a sentence about brokers that fail, each with its own cause."""
    by_cause: dict[tuple[type, int | None], tuple[list[Address], OSError]] = {}
    for address, failure in failures.items():
        by_cause.setdefault((type(failure), failure.errno), ([], failure))[0].append(address)
    return "; ".join(why(sorted(addresses), failure) for addresses, failure in by_cause.values())


def away(addresses: Collection[Address], timeout_s: float) -> str:
    """Return which of *addresses* accept no connection, and why, asked all at once; empty if all do."""
    with ThreadPoolExecutor(max(1, len(addresses))) as pool:
        tried = [*pool.map(lambda address: probe(address, timeout_s=timeout_s), addresses)]
    return why_each({each.address: each.error for each in tried if each.error})


def speaks_tls(address: Address) -> bool:
    """Whether a TLS server answers at *address*; its certificate does not matter here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=PROBE_TIMEOUT_S) as plain:
        try:
            context.wrap_socket(plain, server_hostname=address[0]).close()
        except ssl.SSLError as error:
            # An alert is an answer in TLS too.
            return "ALERT" in (error.reason or "")
        return True
    return False


def plain_to_tls(settings: BrokerSettings) -> TransportMisconfiguredError | None:
    """Return what to do if *settings* speak in the clear to a broker that expects TLS; None if that is not the trouble."""
    if settings.tls:
        return None
    address = next(
        (
            text
            for text, address in zip(settings.addresses, settings.brokers, strict=True)
            if speaks_tls(address)
        ),
        None,
    )
    if address is None:
        return None
    return TransportMisconfiguredError(
        f"{address} expects an encrypted connection; on its server, make enroll CAMERA=<camera> makes the "
        "certificate and settings for this camera; for another broker set SS_TLS__CA_CERTS, or name its plain port"
    )


def tls_refusal(error: BaseException | None) -> str | None:
    """Return why TLS will not work until something is changed; None where it was only interrupted."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the broker's certificate is not accepted: {error.verify_message}"
        if isinstance(error, ssl.SSLError):
            reason = (error.reason or "").replace("_", " ").lower()
            if "certificate required" in reason or "bad certificate" in reason or "unknown ca" in reason:
                return f"the broker wants a certificate of ours that it can accept ({reason}); set SS_TLS__CERTFILE"
            if "alert" in reason or "version" in reason or "protocol" in reason:
                return f"no encrypted connection is possible: {reason}"
        wrapped = next((part for part in error.args if isinstance(part, BaseException)), None)
        error = wrapped or error.__cause__ or error.__context__
    return None


def obstacle(settings: BrokerSettings, address: Address) -> str | None:
    """Return a sentence about what keeps us from talking to *address*, or None when nothing does."""
    host, port = address
    place = f"{host}:{port}"
    tried = probe(address, settings.tls)
    match tried.error:
        case ssl.SSLCertVerificationError() as error:
            return f"{place} shows a certificate that cannot be accepted: {error.verify_message}"
        case ssl.SSLError() as error:
            reason = (error.reason or str(error)).replace("_", " ").lower()
            if "certificate required" in reason:
                return f"{place} wants a certificate of ours and got none"
            if "wrong version number" in reason:
                return f"{place} does not speak TLS"
            return f"{place} does not accept our TLS connection: {reason}"
        case socket.gaierror():
            return f"{host} is not known by any name server this machine asks"
        case TimeoutError():
            return f"{place} does not answer within {PROBE_TIMEOUT_S:.0f} s"
        case OSError() as error:
            return f"{place} cannot be reached: {(error.strerror or str(error)).lower()}"
        case _:
            return f"{place} closed the connection at once" if tried.failed else None
