"""The capture process: opens one camera and takes a picture whenever its parent asks for one.

It is started by ``process.CaptureProcess`` with the number of its socket, and ends with its parent. No call of a camera
library can be relied on to return, so this process promises only to beat; its parent kills it when it does not.
"""

import contextlib
import sys

from shutterbus_edge.capture import Camera, Shot, channel, not_applied, open_camera
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError, MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.child_channel import ToParent
from shutterbus_runtime.child_process import end_with_parent
from shutterbus_runtime.clock import SystemClock

FACTS_ROOM_BYTES = 4096
"""Left free under the limit for the EXIF that the picture gets after capture, beside texts from the settings."""

ERROR_KINDS = {
    CameraUnavailableError: "unavailable",
    CameraFinishedError: "finished",
    MisconfiguredError: "misconfigured",
}


def main() -> None:
    """Serve the parent on the socket whose number is the last argument."""
    end_with_parent()
    parent = ToParent(int(sys.argv[-1]))
    # A parent that has gone is no error here: there is nobody to tell.
    with (
        contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError),
        contextlib.ExitStack() as stack,
    ):
        try:
            _serve(parent, stack)
        except (CameraUnavailableError, CameraFinishedError, MisconfiguredError) as error:
            # Said before the camera is closed, because that may hang too.
            parent.send_error(ERROR_KINDS[type(error)], str(error))


def _serve(parent: ToParent, stack: contextlib.ExitStack) -> None:
    _, metadata, body = parent.receive()
    settings = CaptureSettings.model_validate_json(body)
    camera = open_camera(metadata["address"], settings, SystemClock())
    stack.callback(camera.close)
    notes = [*camera.notes]
    if idle := not_applied(settings, camera.applied):
        notes.append(f"{', '.join(idle)}: no effect with the source {metadata['address']}")
    opened = channel.Opened(camera.size_px, camera.natural_rate, camera.description, tuple(notes))
    parent.send(*channel.opened_message(opened))
    room_bytes = FACTS_ROOM_BYTES + sum(map(len, settings.exif_tags.values()))
    _shoot_on_request(parent, camera, room_bytes)


def _shoot_on_request(parent: ToParent, camera: Camera, room_bytes: int) -> None:
    while True:
        kind, metadata, _ = parent.receive()
        if kind == "close":
            return
        shot = channel.read_shot(metadata)
        if shot.frame_max_bytes is not None:
            shot = Shot(shot.number, max(1, shot.frame_max_bytes - room_bytes))
        parent.send(*channel.picture_message(camera.capture(shot)))


if __name__ == "__main__":
    main()
