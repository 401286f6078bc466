"""The certificate authority of one installation, and what it signs.

Elliptic keys on P-256, and dates that begin in the past: a Raspberry Pi boots without a clock, and would find a
certificate of today not yet valid. A certificate is for one side only, so that a stolen camera cannot pose as
the server. There are no revocation lists: a name loses its rights instead, and brokers act on that at once.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BEGIN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
LEAF_LIFE = dt.timedelta(days=3652)
AUTHORITY_LIFE = 2 * LEAF_LIFE  # so that a certificate renewed in ten years still has one to stand on


@dataclass(frozen=True, slots=True)
class Certificate:
    """A private key and the certificate that goes with it, both as PEM; the key as PKCS#8, as Kafka wants it."""

    key_pem: bytes
    certificate_pem: bytes


def new_authority(name: str, now: dt.datetime) -> Certificate:
    """Return a new authority called *name*."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, subject, public, now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return Certificate(
        _key_pem(key), builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )


def issue(
    authority: Certificate,
    name: str,
    now: dt.datetime,
    *,
    hosts: Sequence[str] = (),
    as_client: bool = False,
    key_pem: bytes | None = None,
) -> Certificate:
    """Return a certificate for *name*: for a server reached under *hosts*, for a client, or for both.

    The key is a new one unless *key_pem* is given.
    """
    signer = x509.load_pem_x509_certificate(authority.certificate_pem)
    signer_key = _key(authority.key_pem)
    key = _key(key_pem) if key_pem else ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH] * bool(hosts) + [ExtendedKeyUsageOID.CLIENT_AUTH] * as_client
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, signer.subject, public, min(now + LEAF_LIFE, signer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()), critical=False
        )
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
        )
    signed = builder.sign(signer_key, hashes.SHA256())
    return Certificate(_key_pem(key), signed.public_bytes(serialization.Encoding.PEM))


def hosts_of(certificate_pem: bytes) -> list[str]:
    """Return the names and addresses that a server's certificate is for, in its order."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def days_left(certificate_pem: bytes, now: dt.datetime) -> int:
    """Return for how many more days a certificate is valid; negative when it has ended."""
    return (x509.load_pem_x509_certificate(certificate_pem).not_valid_after_utc - now).days


def fingerprint(certificate_pem: bytes) -> str:
    """Return the SHA-256 of a certificate, to be compared by eye."""
    return x509.load_pem_x509_certificate(certificate_pem).fingerprint(hashes.SHA256()).hex(":").upper()


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, end: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(end)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
