"""What a broken connection says about its cause."""

import ssl

UNACKNOWLEDGED_MS = 15_000
"""After so long without a sign from the other side the kernel gives a connection up; it does not mind a slow one."""


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
