"""Turning a picture without touching its pixels: the arithmetic of EXIF Orientation.

Each of the eight values is a mirroring about the vertical axis, or none, followed by a clockwise rotation. Flips
are applied before the rotation, by every source.
"""

from shutterbus_edge.settings.capture import CaptureSettings

TURNS = {1: (0, 0), 2: (1, 0), 3: (0, 180), 4: (1, 180), 5: (1, 270), 6: (0, 90), 7: (1, 90), 8: (0, 270)}
"""EXIF Orientation: (mirrored, degrees clockwise)."""
VALUES = {turn: value for value, turn in TURNS.items()}

SETTINGS = frozenset({"rotation", "hflip", "vflip"})


def orientation(settings: CaptureSettings, own: int = 1) -> int | None:
    """Return the Orientation that turns a picture as *settings* ask, on top of its *own*; None if they ask nothing.

    *own* is what the source wrote into the picture; a value that EXIF does not know counts as upright.
    """
    if not (settings.rotation or settings.hflip or settings.vflip):
        return None
    turn = TURNS.get(own, (0, 0))
    if settings.hflip:
        turn = _then(turn, (1, 0))
    if settings.vflip:
        turn = _then(turn, (1, 180))
    return VALUES[_then(turn, (0, settings.rotation))]


def _then(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    # A rotation seen through a mirror runs the other way round.
    rotated = -first[1] if second[0] else first[1]
    return (first[0] + second[0]) % 2, (second[1] + rotated) % 360
