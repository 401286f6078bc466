"""How the sockets to a broker are set, whatever library opens them."""

import socket

UNACKNOWLEDGED_MS = 15_000
"""After so long without a sign from the other side the kernel gives a connection up; it does not mind a slow one."""


def options(send_buffer_bytes: int | None) -> list[tuple[int, int, int]]:
    """Return the arguments for ``setsockopt``.

    *send_buffer_bytes* bounds what the kernel holds of this connection, and so what another one has to wait for on the
    same line.
    """
    arguments = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        arguments.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS))
    if send_buffer_bytes:
        arguments.append((socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes))
    return arguments
