"""Whether what was handed to a connection is still on its way: a slow line is not a broker that does not answer."""

import contextlib
import fcntl
import os
import socket
import struct
import termios
import time
from collections.abc import Iterable
from typing import Protocol

MOVING_S = 5.0
"""A line that carried nothing for so long carries nothing."""

_BYTES_ACKED = slice(120, 128)
"""``tcpi_bytes_acked`` in Linux's ``struct tcp_info``."""


class HasFileno(Protocol):
    """A socket, or what a library wraps around one."""

    def fileno(self) -> int:
        """Return its file descriptor."""


class Upload:
    """Watches the sockets of one client, which is looked at about once a second."""

    def __init__(self) -> None:
        self._arrived_bytes = -1
        self._moved_at_s = float("-inf")
        self._waits = False

    def look(self, sockets: Iterable[HasFileno]) -> None:
        """Note how much of what *sockets* were given has arrived at the other machine."""
        arrived_bytes = waiting_bytes = 0
        for each in sockets:
            # It may be closed meanwhile, or wrapped by a library: the kernel is asked by number.
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(each.fileno())) as connection:
                arrived_bytes += _arrived_bytes(connection)
                waiting_bytes += _waiting_bytes(connection)
        if arrived_bytes != self._arrived_bytes:
            self._arrived_bytes, self._moved_at_s = arrived_bytes, time.monotonic()
        self._waits = waiting_bytes > 0

    @property
    def moves(self) -> bool:
        """Whether something is left to arrive, and the line has carried part of it lately."""
        return self._waits and time.monotonic() - self._moved_at_s < MOVING_S


def _arrived_bytes(connection: socket.socket) -> int:
    if not hasattr(socket, "TCP_INFO"):
        return 0
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)[_BYTES_ACKED]
    return int(struct.unpack("=Q", info)[0]) if len(info) == 8 else 0


def _waiting_bytes(connection: socket.socket) -> int:
    """Return how much the kernel has that the other side has not."""
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    return int(struct.unpack("i", answer)[0])
