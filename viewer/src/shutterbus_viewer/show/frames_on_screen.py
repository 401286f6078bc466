"""Frames that are on somebody's screen: whole for as long as they are, so that what is seen can be saved as it was taken."""

from weakref import WeakValueDictionary

from shutterbus_viewer.latest import LatestFrame


class FramesOnScreen:
    """Finds frames that clients hold, and holds none itself. Only on the loop."""

    def __init__(self) -> None:
        self._frames: WeakValueDictionary[tuple[str, str], LatestFrame] = WeakValueDictionary()

    def note(self, picture: LatestFrame) -> None:
        """Find *picture* by its id for as long as somebody holds it."""
        self._frames[picture.camera, picture.id] = picture

    def get(self, camera: str, frame_id: str) -> LatestFrame | None:
        return self._frames.get((camera, frame_id))
