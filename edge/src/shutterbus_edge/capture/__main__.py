"""The capture process: opens one camera and takes a picture whenever its parent asks for one.

It is started by ``process.CaptureProcess`` with the number of its socket, and ends with its parent. No call of a camera
library can be relied on to return, so this process promises only to beat; its parent kills it when it does not.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import NoReturn

from shutterbus_edge.capture import Camera, Shot, channel, not_applied, open_camera
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError, MisconfiguredError
from shutterbus_edge.settings.picture import PictureSettings
from shutterbus_runtime.clock import SystemClock

FACTS_ROOM_BYTES = 4096
"""Left free under the limit for the EXIF that the picture gets after capture, beside texts from the settings."""
PR_SET_PDEATHSIG = 1

ERROR_KINDS = {
    CameraUnavailableError: "unavailable",
    CameraFinishedError: "finished",
    MisconfiguredError: "misconfigured",
}


class Channel:
    """The socket to the parent; two threads send on it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.sending = threading.Lock()

    def beat_for_ever(self) -> NoReturn:
        """Tell the parent that this process runs; end at once when there is no parent, whatever the camera does."""
        never = threading.Event()
        while True:
            try:
                with self.sending:
                    channel.send(self.connection, "beat")
            except OSError:
                os._exit(0)
            never.wait(channel.BEAT_EVERY_S)


def main() -> None:
    """Serve the parent on the socket whose number is the last argument."""
    _end_with_parent()
    channel_ = Channel(Connection(int(sys.argv[-1])))
    threading.Thread(target=channel_.beat_for_ever, daemon=True).start()
    # A parent that has gone is no error here: there is nobody to tell.
    with (
        contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError),
        contextlib.ExitStack() as stack,
    ):
        try:
            _serve(channel_, stack)
        except (CameraUnavailableError, CameraFinishedError, MisconfiguredError) as error:
            # Said before the camera is closed, because that may hang too.
            with channel_.sending:
                metadata = {"error": ERROR_KINDS[type(error)], "sentence": str(error)}
                channel.send(channel_.connection, "error", metadata)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _serve(channel_: Channel, stack: contextlib.ExitStack) -> None:
    _, metadata, body = channel.receive(channel_.connection)
    picture = PictureSettings.model_validate_json(body)
    camera = open_camera(metadata["address"], picture, SystemClock())
    stack.callback(camera.close)
    notes = [*camera.notes]
    if idle := not_applied(picture, camera.applied):
        notes.append(f"{', '.join(idle)}: no effect with the source {metadata['address']}")
    opened = channel.Opened(camera.size_px, camera.natural_rate, camera.description, tuple(notes))
    with channel_.sending:
        channel.send_opened(channel_.connection, opened)
    room_bytes = FACTS_ROOM_BYTES + sum(map(len, picture.exif_tags.values()))
    _shoot_on_request(channel_, camera, room_bytes)


def _shoot_on_request(channel_: Channel, camera: Camera, room_bytes: int) -> None:
    while True:
        kind, metadata, _ = channel.receive(channel_.connection)
        if kind == "close":
            return
        shot = channel.read_shot(metadata)
        if shot.frame_max_bytes is not None:
            shot = Shot(shot.number, max(1, shot.frame_max_bytes - room_bytes))
        picture = camera.capture(shot)
        with channel_.sending:
            channel.send_picture(channel_.connection, picture)


if __name__ == "__main__":
    main()
