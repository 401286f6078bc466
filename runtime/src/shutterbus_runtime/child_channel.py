"""What a process and its supervised child say to each other, over a socket of their own.

A message has a kind, and is one line of JSON with bytes behind it. Nothing is unpickled: what a library does to the child
must not reach further than the child. Two kinds are the same for all: ``beat``, once a second while the child runs, and
``error``, with which it ends. Its first message of another kind says that it is ready.
"""

import json
import os
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any, NoReturn

BEAT_EVERY_S = 1.0

# The functions of ``json`` make an encoder for every call that says how to write.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def send(
    connection: Connection, kind: str, metadata: Mapping[str, Any] | None = None, body: bytes = b""
) -> None:
    """Send one message; OSError if the other side has gone."""
    line = _encode({"kind": kind, **(metadata or {})})
    connection.send_bytes(line.encode() + b"\n" + body)


def receive(connection: Connection) -> tuple[str, dict[str, Any], bytes]:
    """Wait for one message and return kind, metadata and body; EOFError or OSError if the other side has gone."""
    line, _, body = connection.recv_bytes().partition(b"\n")
    metadata = json.loads(line)
    return metadata.pop("kind"), metadata, body


class ToParent:
    """The child's end of the socket, which beats by itself; several threads may send on it."""

    def __init__(self, descriptor: int) -> None:
        self._connection = Connection(descriptor)
        self._sending = threading.Lock()
        threading.Thread(target=self._beat_for_ever, daemon=True).start()

    def send(self, kind: str, metadata: Mapping[str, Any] | None = None, body: bytes = b"") -> None:
        """Send one message; OSError if the parent has gone."""
        with self._sending:
            send(self._connection, kind, metadata, body)

    def send_error(self, error: str, sentence: str) -> None:
        """Say why this process ends, as one word for the parent and a sentence for people."""
        self.send("error", {"error": error, "sentence": sentence})

    def receive(self) -> tuple[str, dict[str, Any], bytes]:
        """Wait for the parent's next message; EOFError or OSError if it has gone."""
        return receive(self._connection)

    def _beat_for_ever(self) -> NoReturn:
        """End this process at once when there is no parent, whatever its other threads do."""
        never = threading.Event()
        while True:
            try:
                self.send("beat")
            except OSError:
                os._exit(0)
            never.wait(BEAT_EVERY_S)
