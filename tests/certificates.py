"""Certificates for tests, made on the spot so that none of them expires or is kept."""

import subprocess
from pathlib import Path

from machine import needs_tool


def openssl(*arguments: str) -> None:
    """Run openssl."""
    subprocess.run([needs_tool("openssl", "openssl"), *arguments], check=True, capture_output=True)


def issue(folder: Path, name: str) -> tuple[Path, Path]:
    """Return a certificate for *name*, signed by itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
        *("-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)),
    )
    return certificate, key
