"""Whether a broker can be reached at all, asked step by step: its name, its port, its certificate.

The client libraries say at best that there was no connection in time.
"""

import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from shutterbus_edge.doctor.context import CheckContext
from shutterbus_runtime.checks import CheckResult, failure, ok, warning, worst_of
from shutterbus_transport.probe import OBJECTION_S, Address, probe, speaks_tls, why
from shutterbus_transport.settings import BrokerSettings
from shutterbus_transport.tls import Tls

CONNECT_S = 4.0
SOON_S = 30 * 86_400

# X509_V_ERR_..., as OpenSSL numbers them.
_NOT_YET, _EXPIRED = 9, 10
_WRONG_NAME = {62, 64}


def look_up(context: CheckContext) -> CheckResult:
    """Whether every broker's name stands for an address."""
    return _living(context, lambda address: _name(address[0]))


def connect(context: CheckContext) -> CheckResult:
    """Whether anything listens there."""
    return _living(context, lambda address: _port(address, context))


def encrypt(context: CheckContext) -> CheckResult:
    """Whether both certificates are what the other side accepts, and for how long."""
    tls = context.settings.broker.tls
    if tls is None:
        return _living(context, lambda address: _plain(address, context))
    if (own := _own_certificate(tls, context)).status == "failure":
        return own
    shown = _living(context, lambda address: handshake(address, tls, context))
    return worst_of((own, shown)) if shown.status != "failure" else shown


def advertised(addresses: Iterable[Address], context: CheckContext) -> CheckResult:
    """Whether the addresses that a broker gives itself can be reached: all but the first packet goes there."""

    def reached(address: Address) -> CheckResult:
        finding = _name(address[0])
        if finding.status != "failure":
            finding = _port(address, context)
        if finding.status != "failure" and (tls := context.settings.broker.tls):
            finding = handshake(address, tls, context)
        if finding.status != "failure":
            return ok(f"it says it is at {address[0]}:{address[1]}, and is")
        return failure(
            f"the broker says that it is at {address[0]}:{address[1]} (advertised.listeners), but {finding.sentence}",
            context.advice(
                'on the server: make init HOST="<a name that this machine knows> ..."',
                theirs="advertised.listeners with a name that this machine knows",
            ),
        )

    result, _ = _some(tuple(addresses), reached)
    return result


def handshake(address: Address, tls: Tls, context: CheckContext) -> CheckResult:
    """Say what is wrong with the encrypted connection to *address*."""
    where = f"{address[0]}:{address[1]}"
    tried = probe(
        address, tls, timeout_s=CONNECT_S, objection_s=OBJECTION_S + 2 * (context.round_trip_s or 0.0)
    )
    match tried.error:
        case ssl.SSLCertVerificationError():
            return _unacceptable(address, tried.error, tls, context)
        case ssl.SSLError():
            return _refused(where, tried.error, tls, context)
        case OSError():
            return failure(why([address], tried.error), context.look_at_broker)
        case None if tried.failed:
            return failure(f"{where} ends the encrypted connection at once", context.look_at_broker)
    return _expiry(f"the certificate of {where}", tried.not_after, context, _renew(context))


def nobody(broker: BrokerSettings) -> BrokerSettings:
    """Return how somebody without any right would try to connect."""
    tls = broker.tls and broker.tls.model_copy(
        update={"certfile": None, "keyfile": None, "keyfile_password": None}
    )
    without = dict.fromkeys(("username", "password", "sasl_mechanism", "security_protocol"))
    return broker.model_copy(update={"tls": tls, **without})


def _living(context: CheckContext, look: Callable[[Address], CheckResult]) -> CheckResult:
    """Look at each broker of the list that has passed so far, and go on with those that pass this too."""
    result, context.living = _some(context.living, look)
    return result


def _some(
    addresses: tuple[Address, ...], look: Callable[[Address], CheckResult]
) -> tuple[CheckResult, tuple[Address, ...]]:
    """Return the finding for several brokers, and those that are in order; one that is not is no failure while others are."""
    with ThreadPoolExecutor(max(1, len(addresses))) as pool:
        findings = dict(zip(addresses, pool.map(look, addresses), strict=True))
    passed = tuple(address for address, finding in findings.items() if finding.status != "failure")
    if not passed or len(passed) == len(addresses):
        return worst_of(findings.values()), passed or addresses
    failed = worst_of(findings.values())
    return (
        warning(
            f"{failed.sentence}; {len(passed)} of {len(addresses)} brokers can be used",
            "start it, or leave it out of SS_BROKERS",
        ),
        passed,
    )


def _name(host: str) -> CheckResult:
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        why_not = "containers cannot look up .local names" if host.endswith(".local") else error.strerror
        return failure(
            f"no address is known for {host}: {why_not}",
            "in .env: another SS_BROKERS, where that is misspelt; else, for a name that no name server knows, "
            f"SERVER_NAME={host} and SERVER_ADDRESS=<its address>",
        )
    if host in addresses:
        return ok(f"{host} is an address")
    return ok(f"{host} is {', '.join(sorted(addresses))}")


def _port(address: Address, context: CheckContext) -> CheckResult:
    tried = probe(address, timeout_s=CONNECT_S)
    if tried.error:
        fix = context.advice(
            "is the server up, and its port open? On the server: docker compose ps",
            theirs="are they up, and their ports open?",
        )
        return failure(why([address], tried.error), fix)
    took_s = tried.round_trip_s
    context.round_trip_s = max(took_s, context.round_trip_s or 0.0)
    return ok(f"{address[0]}:{address[1]} answers in {took_s * 1000:.0f} ms")


def _plain(address: Address, context: CheckContext) -> CheckResult:
    where = f"{address[0]}:{address[1]}"
    if speaks_tls(address):
        return failure(
            f"{where} speaks TLS only, and no certificate is set (SS_TLS__CA_CERTS)",
            context.advice(context.enroll, theirs="the CA certificate, for SS_TLS__CA_CERTS"),
        )
    return warning(
        f"{where} is spoken to without TLS: who is on the way sees every picture",
        context.advice(context.enroll, theirs="a port with TLS, and its CA certificate"),
    )


def _own_certificate(tls: Tls, context: CheckContext) -> CheckResult:
    if tls.certfile is None:
        return ok("we show no certificate of our own")
    own = _decoded(tls.certfile.read_text("ascii", "replace"))
    return _expiry(f"our certificate {tls.certfile}", own.get("notAfter"), context, context.enroll)


def _renew(context: CheckContext) -> str:
    return context.advice("on the server: make renew", theirs="to renew its certificate")


def _expiry(what: str, until: str | None, context: CheckContext, fix: str) -> CheckResult:
    if until is None:
        return ok(f"{what} is accepted")
    end_s = ssl.cert_time_to_seconds(until)
    left_s = end_s - context.clock.utc_us() / 1e6
    day = _day(end_s)
    if left_s < 0:
        return failure(f"{what} expired on {day}; this clock says {_now(context)}", fix)
    if left_s < SOON_S:
        return warning(f"{what} expires on {day}", fix)
    return ok(f"{what} is good until {day}")


def _unacceptable(
    address: Address, error: ssl.SSLCertVerificationError, tls: Tls, context: CheckContext
) -> CheckResult:
    where = f"{address[0]}:{address[1]}"
    try:
        shown = _decoded(ssl.get_server_certificate(address, timeout=CONNECT_S))
    except OSError:  # not shown to who comes without one, before TLS 1.3
        return failure(
            f"the certificate of {where} cannot be accepted: {error.verify_message}", context.enroll
        )
    names = ", ".join(value for _, value in shown.get("subjectAltName", ())) or "no name at all"
    match error.verify_code:
        case code if code in _WRONG_NAME:
            return failure(
                f"the certificate of {where} is for {names}, not for {address[0]}",
                context.advice(
                    f'on the server: make init HOST="... {address[0]}"',
                    theirs=f"a certificate that names {address[0]}, or the name that theirs has for SS_BROKERS",
                ),
            )
        case code if code == _EXPIRED and "notAfter" in shown:
            return _expiry(f"the certificate of {where}", shown["notAfter"], context, _renew(context))
        case code if code == _NOT_YET and "notBefore" in shown:
            day = _day(ssl.cert_time_to_seconds(shown["notBefore"]))
            return failure(
                f"the certificate of {where} is valid from {day} on, and this clock says {_now(context)}",
                "timedatectl set-ntp true",
            )
        case _:
            issuer = ", ".join(value for part in shown.get("issuer", ()) for _, value in part)
            return failure(
                f"the certificate of {where} is not signed by {tls.ca_certs or 'any authority this system trusts'} "
                f"but by {issuer or 'somebody else'}: {error.verify_message}",
                context.advice(context.enroll, theirs="the CA certificate, for SS_TLS__CA_CERTS"),
            )


def _refused(where: str, error: ssl.SSLError, tls: Tls, context: CheckContext) -> CheckResult:
    reason = (error.reason or str(error)).replace("_", " ").lower()
    certificate = context.advice(context.enroll, theirs="a certificate for this camera, for SS_TLS__CERTFILE")
    if "certificate required" in reason or (tls.certfile is None and "alert" in reason):
        return failure(f"{where} wants a certificate of ours and got none (SS_TLS__CERTFILE)", certificate)
    if "alert" in reason and any(word in reason for word in ("certificate", "ca", "decrypt error")):
        return failure(f"{where} does not accept our certificate {tls.certfile}: {reason}", certificate)
    if "wrong version number" in reason or "record layer failure" in reason:
        return failure(
            f"{where} does not speak TLS", "in .env: SS_BROKERS with the port that does (9093, 8883)"
        )
    return failure(f"{where} accepts no encrypted connection: {reason}", context.look_at_broker)


def _decoded(pem: str) -> dict[str, Any]:
    # The only reader of certificates in the standard library takes a file.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        decoded: dict[str, Any] = ssl._ssl._test_decode_cert(file.name)  # type: ignore[attr-defined]  # noqa: SLF001 (see above)
    return decoded


def _day(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"


def _now(context: CheckContext) -> str:
    return f"{datetime.fromtimestamp(context.clock.utc_us() / 1e6, UTC):%Y-%m-%d %H:%M}"
