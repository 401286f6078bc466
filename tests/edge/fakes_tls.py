"""A server that speaks TLS on loopback, with certificates of any name, age and origin."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path


class Authority:
    """Signs what a test asks for."""

    def __init__(self, folder: Path, name: str = "ours") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.crt"
        self._certificate = self._sign(name, self._key, NOW - 400 * DAY, NOW + 400 * DAY, ())
        self.file.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def issue(
        self, name: str, *hosts: str, begin: dt.datetime = NOW - 300 * DAY, end: dt.datetime = NOW + 300 * DAY
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        pair = Pair(self._folder / f"{self._name}-{name}.crt", self._folder / f"{self._name}-{name}.key")
        pair.certificate.write_bytes(self._sign(name, key, begin, end, hosts).public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        begin: dt.datetime,
        end: dt.datetime,
        hosts: tuple[str, ...],
    ) -> x509.Certificate:
        is_authority = key is self._key
        names: list[x509.GeneralName] = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@contextlib.contextmanager
def listening(
    shown: Pair | None,
    wants: Authority | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> Iterator[int]:
    """Listen on loopback and yield the port: showing a certificate, and wanting one of *wants*; or plain, and mute."""
    context = None
    if shown:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown.certificate, shown.key)
        context.maximum_version = newest
        if wants:
            context.load_verify_locations(wants.file)
            context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as server:

        def handle_connection(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                if context is None:
                    if connection.recv(64).startswith(b"\x16"):
                        connection.sendall(b"what?")
                    return
                with context.wrap_socket(connection, server_side=True) as encrypted:
                    encrypted.recv(1)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(
                        target=handle_connection, args=(server.accept()[0],), daemon=True
                    ).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
