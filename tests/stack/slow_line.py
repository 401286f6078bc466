"""A line on this machine that takes few bytes a second on their way to a broker, and any number on their way back."""

import contextlib
import socket
import threading
from collections.abc import Iterator

PARTS_PER_S = 20


class SlowLine:
    """Who connects to *port* is connected to *to_port*, which may be set later: some brokers want to know *port* first."""

    def __init__(self, bytes_per_s: int) -> None:
        self.to_port = 0
        self._bytes_per_s = bytes_per_s
        self._ended = threading.Event()
        self._listening = socket.socket()
        # As little as the kernel gives, so that what is not passed on yet is not acknowledged either.
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    @property
    def address(self) -> str:
        """``127.0.0.1:<port>``, where clients reach the broker over this line."""
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", self.to_port), timeout=5) as broker,
        ):
            broker.settimeout(None)
            back = threading.Thread(target=_pass_on, args=(broker, client), daemon=True)
            back.start()
            while part := client.recv(self._bytes_per_s // PARTS_PER_S):
                broker.sendall(part)
                self._ended.wait(1 / PARTS_PER_S)
            broker.shutdown(socket.SHUT_RDWR)
            back.join(5)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65_536):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def slow_line(bytes_per_s: int, to_port: int = 0) -> Iterator[SlowLine]:
    """A slow line for the length of the context."""
    line = SlowLine(bytes_per_s)
    line.to_port = to_port
    try:
        yield line
    finally:
        line.close()
