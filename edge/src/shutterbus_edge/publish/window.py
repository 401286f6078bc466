"""How many messages of one kind a lane has in flight: what it risks having to send again when the line breaks."""

from collections.abc import Callable

PIPELINED_BYTES = 512 * 1024
"""In flight together, several messages may have so many bytes before the newest has to wait for them."""

FAST_S = 0.25
"""A broker that confirms within this time may be given more at once; a pause of its own then costs no picture its place."""

Window = Callable[[int, float | None], int]
"""Returns how many messages may be in flight if they have so many bytes together, where the last frame took so many seconds
to be confirmed (None: none was)."""


def live_window(total_bytes: int, confirm_s: float | None) -> int:
    """Small ones go together, large ones by two on a fast line, else alone."""
    if confirm_s is not None and confirm_s < FAST_S and total_bytes <= 2 * PIPELINED_BYTES:
        return 16
    if total_bytes <= PIPELINED_BYTES:
        return 4
    return 2 if confirm_s is not None and confirm_s < 4 * FAST_S else 1


def backlog_window(total_bytes: int, _confirm_s: float | None) -> int:
    """Small ones go together; a large one goes alone, so that it is never long in the live lane's way."""
    return 8 if total_bytes <= PIPELINED_BYTES else 1


def one_by_one(_total_bytes: int, _confirm_s: float | None) -> int:
    """Strictly one after the other: what has to be sent again never comes behind its successor."""
    return 1
