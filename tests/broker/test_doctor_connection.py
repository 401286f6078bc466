"""What the server's doctor sees of a TLS connection, on a listener of its own."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shutterbus_broker import authority
from shutterbus_broker.authority import Certificate
from shutterbus_broker.doctor import connection
from shutterbus_broker.doctor.context import Address
from shutterbus_transport.settings import Tls

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def signer() -> Certificate:
    """Our authority."""
    return authority.new_authority("Shutterbus", NOW)


@pytest.fixture
def tls(tmp_path: Path, signer: Certificate) -> Tls:
    """The doctor's certificate."""
    client = authority.issue(signer, "doctor.service", NOW, as_client=True)
    (tmp_path / "ca.crt").write_bytes(signer.certificate_pem)
    (tmp_path / "client.pem").write_bytes(client.certificate_pem + client.key_pem)
    return Tls(ca_certs=tmp_path / "ca.crt", certfile=tmp_path / "client.pem")


@contextlib.contextmanager
def _listener(
    folder: Path,
    shown: Certificate,
    ca: Path,
    *,
    wants_ours: bool = True,
    answer: bytes = b"",
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> Iterator[Address]:
    """A TLS server that shows a certificate, and gives *answer* to whatever it is sent."""
    (folder / "server.pem").write_bytes(shown.certificate_pem + shown.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(ca)
    context.maximum_version = newest
    context.verify_mode = ssl.CERT_REQUIRED if wants_ours else ssl.CERT_NONE
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                plain, _ = listening.accept()
                with plain, contextlib.suppress(OSError):
                    plain.settimeout(5)
                    with context.wrap_socket(plain, server_side=True) as encrypted:
                        if encrypted.recv(64) and answer:
                            encrypted.sendall(answer)
                            encrypted.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        at = listening.getsockname()
        try:
            yield at
        finally:
            ended.set()
            with contextlib.suppress(OSError):
                socket.create_connection(at, timeout=1).close()
            thread.join()


def test_certificate_in_order_is_told_with_its_end(tmp_path: Path, tls: Tls, signer: Certificate) -> None:
    """Ten years ahead; amber in the last 30 days."""
    assert tls.ca_certs
    shown = authority.issue(signer, "kafka.service", NOW, hosts=["127.0.0.1"])
    with _listener(tmp_path, shown, tls.ca_certs) as at:
        assert connection.port(at).status == "ok"
        assert connection.certificate(at, tls, NOW).status == "ok"
        soon = NOW + authority.LEAF_LIFE - dt.timedelta(days=29)
        result = connection.certificate(at, tls, soon)
    assert (result.status, result.fix) == ("warning", connection.RENEW)


@pytest.mark.parametrize(
    ("begin", "issued", "host", "ours", "words"),
    [
        (dt.datetime(2001, 1, 1, tzinfo=dt.UTC), dt.datetime(2002, 1, 1, tzinfo=dt.UTC), "127.0.0.1", True, "expired on 20"),
        (NOW + dt.timedelta(days=2), NOW, "127.0.0.1", True, "is not valid before 20"),
        (authority.BEGIN, NOW, "other.example.org", True, "is for other.example.org, not for 127.0.0.1"),
        (authority.BEGIN, NOW, "127.0.0.1", False, "is signed by CN=Somebody else"),
    ],
)  # fmt: skip
def test_cause_of_a_certificate_that_is_not_accepted_is_named(
    tmp_path: Path,
    tls: Tls,
    signer: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    begin: dt.datetime,
    issued: dt.datetime,
    host: str,
    ours: bool,
    words: str,
) -> None:
    """A client library says at best that there was no connection in time."""
    assert tls.ca_certs
    monkeypatch.setattr(authority, "BEGIN", begin)
    by = signer if ours else authority.new_authority("Somebody else", NOW)
    shown = authority.issue(by, "kafka.service", issued, hosts=[host])
    with _listener(tmp_path, shown, tls.ca_certs) as at:
        result = connection.certificate(at, tls, NOW)
    assert result.status == "failure"
    assert words in result.sentence
    assert result.fix


def test_cause_is_named_also_where_a_stranger_is_shown_nothing(
    tmp_path: Path, tls: Tls, signer: Certificate
) -> None:
    """Up to TLS 1.2, who comes without a certificate does not get to see the server's."""
    assert tls.ca_certs
    shown = authority.issue(signer, "kafka.service", NOW, hosts=["other.example.org"])
    with _listener(tmp_path, shown, tls.ca_certs, newest=ssl.TLSVersion.TLSv1_2) as at:
        result = connection.certificate(at, tls, NOW)
    assert result.status == "failure"
    assert "cannot be accepted: IP address mismatch" in result.sentence


def test_broker_that_wants_no_certificate_is_found(
    tmp_path: Path, tls: Tls, signer: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that wants one is not."""
    assert tls.ca_certs
    monkeypatch.setattr(connection, "ANSWER_S", 0.5)
    shown = authority.issue(signer, "kafka.service", NOW, hosts=["127.0.0.1"])
    with _listener(tmp_path, shown, tls.ca_certs) as at:
        assert not connection.lets_in_without_certificate(at, tls)
    with _listener(tmp_path, shown, tls.ca_certs, wants_ours=False) as at:
        assert connection.lets_in_without_certificate(at, tls)


def test_kafka_is_told_from_what_only_listens(
    tmp_path: Path, tls: Tls, signer: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its refusal of our certificate, which comes after the handshake, is told as that."""
    assert tls.ca_certs
    monkeypatch.setattr(connection, "ANSWER_S", 0.5)
    shown = authority.issue(signer, "kafka.service", NOW, hosts=["127.0.0.1"])
    with _listener(tmp_path, shown, tls.ca_certs) as at:
        assert "not Kafka" in connection.is_kafka(at, tls).sentence
    with _listener(tmp_path, shown, tls.ca_certs, answer=b"\0\0\0\x06\0\0\0\x01\0\0") as at:
        assert connection.is_kafka(at, tls).status == "ok"
    forger = authority.new_authority("Shutterbus", NOW)
    forged = authority.issue(forger, "doctor.service", NOW, as_client=True)
    (tmp_path / "forged.pem").write_bytes(forged.certificate_pem + forged.key_pem)
    false = tls.model_copy(update={"certfile": tmp_path / "forged.pem"})
    with _listener(tmp_path, shown, tls.ca_certs) as at:
        assert "does not accept our certificate" in connection.is_kafka(at, false).sentence
        assert (refused := connection.refusal(at, false))
        assert "does not accept our certificate" in refused.sentence
        assert connection.refusal(at, tls) is None


def test_port_that_nobody_has_is_named() -> None:
    """With the command that starts the server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        at = listening.getsockname()
    result = connection.port(at)
    assert (result.sentence, result.fix) == (f"nothing listens at 127.0.0.1:{at[1]}", "docker compose up -d")


def test_plain_port_is_named_as_that(tmp_path: Path, tls: Tls) -> None:
    """Somebody else's broker on our port, for example."""

    def answer() -> None:
        plain, _ = listening.accept()
        with plain:
            plain.recv(10)
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        result = connection.certificate(listening.getsockname(), tls, NOW)
        thread.join()
    assert "does not speak TLS" in result.sentence
