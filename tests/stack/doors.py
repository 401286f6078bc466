"""What listens in a container, and whether it answers somebody who has neither certificate nor password."""

import contextlib
import socket
import ssl

from stack.brokers import docker


def listening(container: str) -> set[int]:
    """Return the TCP and UDP ports that a container listens on, other than to itself."""
    ports = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in docker("exec", container, "cat", f"/proc/net/{table}").splitlines()[1:]:
            local, _, its_state = line.split()[1:4]
            host, _, port = local.partition(":")
            itself = host.endswith("7F") or host in {
                "00000000000000000000000001000000",
                "0000000000000000FFFF00000100007F",
            }
            if its_state == state and not itself:
                ports.add(int(port, 16))
    return ports


_MQTT_HELLO = b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03any"
_KAFKA_HELLO = b"\x00\x00\x00\x0d\x00\x12\x00\x00\x00\x00\x00\x07\x00\x03any"
_HTTP_HELLO = b"GET / HTTP/1.1\r\nHost: any\r\n\r\n"


def assert_no_broker_answers(address: str, port: int) -> None:
    """Neither in the clear nor encrypted, to whomever shows no certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for hello in (_MQTT_HELLO, _KAFKA_HELLO, _HTTP_HELLO):
        for encrypted in (False, True):
            answer = b""
            with contextlib.suppress(OSError), socket.create_connection((address, port), 5) as connection:  # noqa: SIM117
                with (
                    context.wrap_socket(connection)
                    if encrypted
                    else contextlib.nullcontext(connection) as talk
                ):
                    talk.sendall(hello)
                    answer = talk.recv(100)
            assert not answer or (not encrypted and answer[0] == 0x15), (port, hello, answer)  # a TLS alert
