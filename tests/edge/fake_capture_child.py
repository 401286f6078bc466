"""A capture process that misbehaves as told: the word before the last argument says how.

It imports nothing of ours, so that the many starts of a test are quick; what is said is that of capture/channel.py
and runtime/child_channel.py.
"""

import json
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection


def say(connection: Connection, kind: str, body: bytes = b"", **metadata: object) -> None:
    connection.send_bytes(json.dumps({"kind": kind, **metadata}).encode() + b"\n" + body)


def main() -> None:
    """Answer like a camera, but for one fault."""
    fault, connection = sys.argv[-2], Connection(int(sys.argv[-1]))
    connection.recv_bytes()
    if fault == "absent":
        say(connection, "error", error="unavailable", sentence="no camera; check the cable")
        return
    if fault == "crash":
        print("assertion failed in the driver", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == "never-open":
        beat_for_ever(connection)
    notes = ["PICAMERA_LED: no effect"]
    say(connection, "opened", size_px=[4, 3], natural_rate=5.0, description="fake", notes=notes)
    if fault == "deaf":  # neither beats nor answers
        time.sleep(3600)
    threading.Thread(target=beat_for_ever, args=(connection,), daemon=True).start()
    for number in range(sys.maxsize):
        asked = json.loads(connection.recv_bytes())
        if asked.pop("kind") == "close":
            return
        if fault == "blocks" or (fault == "third-blocks" and number == 2):
            time.sleep(3600)
        metadata = {"captured_at_us": number, "captured_at_source": "sensor", "camera_metadata": asked}
        say(connection, "picture", b"picture %d" % number, **metadata)


def beat_for_ever(connection: Connection) -> None:
    while True:
        say(connection, "beat")
        time.sleep(0.05)


if __name__ == "__main__":
    try:
        main()
    except (EOFError, OSError):
        os._exit(0)
