"""Connections made by hand, step by step: the name, the port, the certificate. Client libraries hide which one failed."""

import datetime as dt
import errno
import socket
import ssl
import struct

from cryptography import x509

from shutterbus_broker.doctor.context import Address
from shutterbus_runtime.checks import CheckResult, failure, ok, warning
from shutterbus_transport.probe import probe
from shutterbus_transport.settings import Tls

CONNECT_S = 4.0
ANSWER_S = 4.0
ALERT_S = 1.0
"""How long a server may take to object to a certificate."""
SOON = dt.timedelta(days=30)
RENEW = "make renew && docker compose restart"
REISSUE = 'make init HOST="{hosts}" && docker compose restart'

# X509_V_ERR_..., as OpenSSL numbers them.
_NOT_YET, _EXPIRED = 9, 10
_WRONG_NAME = {62, 64}
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""The question of any Kafka client: which requests do you understand?"""


def port(address: Address) -> CheckResult:
    """Whether anything listens at *address*."""
    where = text(address)
    up = "docker compose up -d"
    match probe(address, timeout_s=CONNECT_S).error:
        case None:
            return ok(f"{where} accepts connections")
        case socket.gaierror() as error:
            return failure(f"no address is known for {address[0]}: {(error.strerror or '').lower()}", up)
        case ConnectionRefusedError():
            return failure(f"nothing listens at {where}", up)
        case TimeoutError():
            return failure(
                f"{where} does not answer; a firewall, or another machine's address",
                "docker compose ps; open the port",
            )
        case error:
            return failure(f"there is no way to {where}: {(error.strerror or str(error)).lower()}", up)


def certificate(address: Address, tls: Tls, now: dt.datetime, *, name: str | None = None) -> CheckResult:
    """Whether the certificate shown at *address* is one of ours, for *name* (else the host), and for how long."""
    where, name = text(address), name or address[0]
    tried = probe(address, tls, name=name, timeout_s=CONNECT_S, objection_s=0)
    match tried.error:
        case ssl.SSLCertVerificationError() as error:
            return _unacceptable(address, name, error, tls, now)
        case ssl.SSLError() as error:
            reason = _reason(error)
            if "wrong version number" in reason or "record layer failure" in reason:
                return failure(f"{where} does not speak TLS", "docker compose up -d --force-recreate")
            return failure(
                f"{where} accepts no encrypted connection: {reason}", "docker compose logs --tail 20"
            )
        case OSError() as error:
            return failure(
                f"{where} breaks the connection off: {(error.strerror or str(error)).lower()}",
                "docker compose ps",
            )
    assert tried.certificate is not None
    return dates(f"the certificate of {where}", x509.load_der_x509_certificate(tried.certificate), now)


def dates(what: str, shown: x509.Certificate, now: dt.datetime, fix: str = RENEW) -> CheckResult:
    """Whether a certificate is valid now and in 30 days."""
    begin, end = shown.not_valid_before_utc, shown.not_valid_after_utc
    if now < begin:
        return failure(
            f"{what} is not valid before {begin:%Y-%m-%d}, and this clock says {now:%Y-%m-%d %H:%M}", fix
        )
    if now > end:
        return failure(f"{what} expired on {end:%Y-%m-%d}; this clock says {now:%Y-%m-%d %H:%M}", fix)
    if end - now < SOON:
        return warning(f"{what} expires on {end:%Y-%m-%d}", fix)
    return ok(f"{what} is good until {end:%Y-%m-%d}")


def is_kafka(address: Address, tls: Tls) -> CheckResult:
    """Whether Kafka answers, and so accepts our certificate: with TLS 1.3 its word on that comes late."""
    where = text(address)
    try:
        with (
            socket.create_connection(address, timeout=CONNECT_S) as plain,
            tls.context().wrap_socket(plain, server_hostname=address[0]) as encrypted,
        ):
            encrypted.settimeout(ANSWER_S)
            encrypted.sendall(_API_VERSIONS)
            answer = encrypted.recv(10)
    except ssl.SSLError as error:
        return _not_accepted(address, tls, error)
    except TimeoutError:
        return failure(f"{where} accepts connections but gives no answer", "docker compose restart kafka")
    except OSError as error:
        return failure(
            f"{where} breaks the connection off: {(error.strerror or str(error)).lower()}",
            "docker compose logs --tail 20 kafka",
        )
    if len(answer) < len(_API_VERSIONS) - 4 or answer[4:8] != _API_VERSIONS[8:12]:
        return failure(f"what answers at {where} is not Kafka", "docker compose ps")
    return ok(f"{where} answers as Kafka and accepts our certificate")


def refusal(address: Address, tls: Tls) -> CheckResult | None:
    """Why our certificate is not accepted at *address*; None where nothing is said against it."""
    error = probe(address, tls, timeout_s=CONNECT_S, objection_s=ALERT_S).error
    return _not_accepted(address, tls, error) if isinstance(error, ssl.SSLError) else None


def lets_in_without_certificate(address: Address, tls: Tls) -> bool:
    """Whether who shows no certificate is let in at *address*; raise OSError when nothing answers there."""
    nobody = Tls(ca_certs=tls.ca_certs, check_hostname=False)
    with socket.create_connection(address, timeout=CONNECT_S) as plain:
        try:
            with nobody.context().wrap_socket(plain) as encrypted:
                encrypted.settimeout(ANSWER_S)
                # Who is refused is told so, or cut off, with TLS 1.3 after the handshake.
                return encrypted.recv(1) != b""
        except TimeoutError:
            return True
        except OSError as error:
            if isinstance(error, ssl.SSLError) or error.errno in {errno.ECONNRESET, errno.EPIPE}:
                return False
            raise


def text(address: Address) -> str:
    """``host:port``."""
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def _not_accepted(address: Address, tls: Tls, error: ssl.SSLError) -> CheckResult:
    return failure(f"{text(address)} does not accept our certificate {tls.certfile}: {_reason(error)}", RENEW)


def _unacceptable(
    address: Address, name: str, error: ssl.SSLCertVerificationError, tls: Tls, now: dt.datetime
) -> CheckResult:
    where = text(address)
    what = f"the certificate of {where}"
    try:
        pem = ssl.get_server_certificate(address, timeout=CONNECT_S)
    except OSError:  # not shown to who comes without one, before TLS 1.3
        return failure(f"{what} cannot be accepted: {error.verify_message}", RENEW)
    shown = x509.load_pem_x509_certificate(pem.encode("ascii"))
    if error.verify_code in _WRONG_NAME:
        names = _names(shown)
        return failure(
            f"{what} is for {', '.join(names) or 'no name at all'}, not for {name}",
            REISSUE.format(hosts=" ".join([*(host for host in names if host not in _INSIDE), name])),
        )
    if (
        error.verify_code in {_NOT_YET, _EXPIRED}
        and (validity := dates(what, shown, now)).status == "failure"
    ):
        return validity
    return failure(
        f"{what} is signed by {shown.issuer.rfc4514_string()}, not by the authority in {tls.ca_certs}: "
        f"{error.verify_message}",
        RENEW,
    )


_INSIDE = {"localhost", "127.0.0.1", "::1", "kafka", "mosquitto", "viewer"}


def _names(shown: x509.Certificate) -> list[str]:
    try:
        alternative_names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in alternative_names]


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
