"""The edge as it is, with one ear at its capture: the SHA-256 of every scan that a source hands over is noted.

Run as ``shutterbus-edge`` would be. The capture process is this file too, called with the arguments that the edge gives
its child; there the source is wrapped, and nothing else is changed.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from stack.raw_consumer import scan_sha256

CHILD_MARK = "--noting-child"


def noted_capture() -> None:
    """Be the capture process, writing one line a picture to the file that NOTES names."""
    from shutterbus_edge import capture
    from shutterbus_edge.capture import __main__ as child

    notes = Path(os.environ["NOTES"]).open("a", buffering=1)  # noqa: SIM115, open for the life of the process
    original = capture.open_camera

    def open_noted(*arguments: object, **named: object) -> object:
        camera = original(*arguments, **named)  # type: ignore[arg-type] # passed through as they come
        taken = camera.capture

        def capture_and_note(shot: capture.Shot) -> capture.CapturedImage:
            picture = taken(shot)
            notes.write(scan_sha256(picture.jpeg) + "\n")
            return picture

        camera.capture = capture_and_note  # type: ignore[method-assign] # one instance, in a test
        return camera

    setattr(child, "open_camera", open_noted)  # noqa: B010, a name that module imports and does not export
    sys.argv.remove(CHILD_MARK)
    child.main()


def main() -> int:
    """Be the edge."""
    from shutterbus_edge.__main__ import main as edge_main
    from shutterbus_edge.capture import process

    process.CHILD = [sys.executable, __file__, CHILD_MARK]
    return edge_main()


if __name__ == "__main__":
    if CHILD_MARK in sys.argv:
        noted_capture()
    else:
        sys.exit(main())
