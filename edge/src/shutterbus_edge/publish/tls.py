"""What a broken connection says about its cause."""

import ssl

from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.publish.reach import speaks_tls
from shutterbus_transport.settings import BrokerSettings


def plain_to_tls(settings: BrokerSettings) -> MisconfiguredError | None:
    """Return what to do if *settings* speak in the clear to a broker that expects TLS; None if that is not the trouble."""
    if settings.tls or not speaks_tls(settings.brokers[0]):
        return None
    return MisconfiguredError(
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
