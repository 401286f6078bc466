"""Whether a broker can be reached at all: a bare TCP connection, which costs it nothing.

It tells a broker that is away from a link that is slow: the connection is accepted in one round trip even where a
frame takes half a minute, and refused at once, or not answered, where nobody listens.
"""

import contextlib
import errno
import socket
import ssl
from collections.abc import Sequence

from shutterbus_transport.errors import TransportMisconfiguredError
from shutterbus_transport.settings import BrokerSettings

Address = tuple[str, int]

PROBE_TIMEOUT_S = 4.0
"""Three attempts of the kernel: at once, after 1 s and after 3 s."""


def reach(addresses: Sequence[Address], timeout_s: float = PROBE_TIMEOUT_S) -> None:
    """Return when one of *addresses* accepts a connection; raise the last one's OSError if none does."""
    failure: OSError | None = None
    for host, port in addresses:
        try:
            socket.create_connection((host, port), timeout=timeout_s).close()
        except OSError as error:
            failure = error
        else:
            return
    if failure:
        raise failure


def why(addresses: Sequence[Address], error: OSError) -> str:
    """Return a sentence about *error* that names the broker."""
    where = ", ".join(f"{host}:{port}" for host, port in addresses)
    match error:
        case ConnectionRefusedError():
            return f"{where} refuses the connection"
        case TimeoutError():
            return f"{where} does not answer"
        case socket.gaierror():
            return f"no address is known for {where}: {error.strerror}"
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            return f"there is no way to {where}: {error.strerror}"
        case _:
            return f"{where}: {error.strerror or error}"


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
    if settings.tls or not speaks_tls(settings.brokers[0]):
        return None
    return TransportMisconfiguredError(
        f"{settings.addresses[0]} expects an encrypted connection; on its server, make enroll CAMERA=<camera> makes the "
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
