"""Who our certificate says we are."""

import re
import ssl
from pathlib import Path

from shutterbus_wire.identity import CAMERA_PATTERN

_DEVICE = re.compile(rf"({CAMERA_PATTERN})\.[0-9]+")


def camera_of(certificate: Path) -> str | None:
    """Return the camera that a PEM certificate was issued to: ``gate`` for the name ``gate.2``.

    None where its name is of another kind, as those of somebody else's authority are.

    Raises:
        ssl.SSLError: The file holds no certificate.
    """
    # The only reader of certificates in the standard library; a TLS context shows none of its own.
    decoded = ssl._ssl._test_decode_cert(str(certificate))  # type: ignore[attr-defined]  # noqa: SLF001 (see above)
    names = [value for part in decoded.get("subject", ()) for key, value in part if key == "commonName"]
    match = _DEVICE.fullmatch(names[0]) if names else None
    return match[1] if match else None
