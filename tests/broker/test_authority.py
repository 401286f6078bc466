"""Certificates as TLS libraries see them."""

import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from shutterbus_broker import authority
from shutterbus_broker.authority import Certificate

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def signer() -> Certificate:
    """An authority."""
    return authority.new_authority("Shutterbus test", NOW)


def _context(side: ssl.Purpose, folder: Path, signer: Certificate, own: Certificate | None) -> ssl.SSLContext:
    (folder / "ca.pem").write_bytes(signer.certificate_pem)
    context = ssl.create_default_context(side, cafile=str(folder / "ca.pem"))
    if side is ssl.Purpose.CLIENT_AUTH:
        context.verify_mode = ssl.CERT_REQUIRED
    if own:
        (folder / f"{side.shortname}.pem").write_bytes(own.key_pem + own.certificate_pem)
        context.load_cert_chain(folder / f"{side.shortname}.pem")
    return context


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str:
    """Return the common name that the server saw; raise SSLError where either side refused."""
    here, installation = socket.socketpair()
    seen: list[str] = []

    def serve() -> None:
        try:
            with server.wrap_socket(here, server_side=True) as connection:
                certificate = connection.getpeercert(binary_form=True)
                assert certificate
                (name,) = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(
                    NameOID.COMMON_NAME
                )
                seen.append(str(name.value))
                connection.send(b".")
        except ssl.SSLError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(installation, server_hostname=name) as connection:
            connection.recv(1)
    finally:
        thread.join(5)
    return seen[0]


def test_camera_and_server_trust_each_other_by_name_and_address(signer: Certificate, tmp_path: Path) -> None:
    """Kafka's clients go by name or address, whichever they were given."""
    server = authority.issue(
        signer, "kafka.service", NOW, hosts=("server.example.org", "192.168.1.10", "::1")
    )
    camera = authority.issue(signer, "gate.2", NOW, as_client=True)
    server_side = _context(ssl.Purpose.CLIENT_AUTH, tmp_path, signer, server)
    client_side = _context(ssl.Purpose.SERVER_AUTH, tmp_path, signer, camera)
    for name in ("server.example.org", "192.168.1.10", "::1"):
        assert _handshake(server_side, client_side, name) == "gate.2"
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        _handshake(server_side, client_side, "elsewhere.example.org")


def test_cameras_certificate_cannot_pose_as_the_server(signer: Certificate, tmp_path: Path) -> None:
    """A stolen camera must not collect what the others send."""
    camera = authority.issue(signer, "gate.1", NOW, as_client=True)
    server_side = _context(ssl.Purpose.CLIENT_AUTH, tmp_path, signer, camera)
    client_side = _context(ssl.Purpose.SERVER_AUTH, tmp_path, signer, camera)
    client_side.check_hostname = False
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        _handshake(server_side, client_side, "server.example.org")


def test_certificates_begin_in_the_past_and_last_ten_years(signer: Certificate) -> None:
    """A Raspberry Pi boots without a clock."""
    camera = authority.issue(signer, "gate.1", NOW, as_client=True)
    assert dt.datetime(2020, 1, 2, tzinfo=dt.UTC) > authority.BEGIN
    assert 3640 < authority.days_left(camera.certificate_pem, NOW) < 3660
    assert authority.days_left(signer.certificate_pem, NOW) > authority.days_left(camera.certificate_pem, NOW)


def test_renewed_certificate_keeps_its_key(signer: Certificate) -> None:
    """Whoever trusts the key goes on doing so."""
    first = authority.issue(signer, "kafka.service", NOW, hosts=("a",))
    second = authority.issue(signer, "kafka.service", NOW, hosts=("a", "10.0.0.1"), key_pem=first.key_pem)
    assert second.key_pem == first.key_pem
    assert authority.hosts_of(second.certificate_pem) == ["a", "10.0.0.1"]
    assert second.key_pem.startswith(b"-----BEGIN PRIVATE KEY-----")  # PKCS#8, as Kafka wants it
