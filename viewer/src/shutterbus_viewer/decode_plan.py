"""What decoding a picture will cost, known from its header before anything is decoded.

A JPEG of one scan is decoded row by row, at a half, a quarter or an eighth where that suffices: memory is what comes
out. One of several scans (a progressive one) has all its coefficients in memory first, whatever size is wanted: 8192 x
8192 in 394 kB are 200 MB. A PNG is decoded whole.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from shutterbus_viewer.errors import UndrawableError
from shutterbus_wire.jpeg import Header

BUDGET_WITHOUT_LIMIT_BYTES = 512 * 1024 * 1024
SHARE_OF_LIMIT = 3
"""A third of the container's memory is for decoding; the rest holds the process, connections and pictures."""

LIMIT_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
DIVISORS = (8, 4, 2, 1)
COLOURS = 3
ROTATED = 2
"""Turning a picture upright takes it twice for a moment."""

_BLOCK_PX, _BLOCK_BYTES = 8, 128


class Plan(NamedTuple):
    """How to decode: at 1/*divisor* of its size, for *cost_bytes* of memory, to be turned upright from *orientation*."""

    divisor: int
    cost_bytes: int
    orientation: int = 1


@cache
def memory_budget_bytes() -> int:
    """Return how much memory all decoding together may take, by this container's limit."""
    for file in LIMIT_FILES:
        try:
            limit = int(Path(file).read_text("ascii"))
        except (OSError, ValueError):  # no such file, or no limit: "max"
            continue
        return min(limit // SHARE_OF_LIMIT, BUDGET_WITHOUT_LIMIT_BYTES)
    return BUDGET_WITHOUT_LIMIT_BYTES


def plan(header: Header, to_width_px: int, budget_bytes: int) -> Plan:
    """Return the cheapest way to make the picture with this *header* *to_width_px* wide.

    Where that exceeds *budget_bytes*, a somewhat smaller picture will do.

    Raises:
        UndrawableError: No way fits.
    """
    if header.rarity:
        raise UndrawableError(f"is a JPEG with {header.rarity}, which browsers cannot draw")
    width_px, height_px = header.upright_size_px
    of_jpeg = header.content_type == "image/jpeg"
    fixed_bytes = _coefficient_bytes(header)
    divisors = DIVISORS if of_jpeg else (1,)
    wanted = next((divisor for divisor in divisors if width_px // divisor >= to_width_px), 1)
    cost_bytes = 0
    for divisor in sorted(divisor for divisor in divisors if divisor >= wanted):
        decoded_px = -(-width_px // divisor) * -(-height_px // divisor)
        scaled_px = to_width_px * max(1, to_width_px * height_px // width_px)
        cost_bytes = fixed_bytes + COLOURS * (ROTATED * decoded_px + min(decoded_px, scaled_px))
        if cost_bytes <= budget_bytes:
            return Plan(divisor, cost_bytes, header.orientation)
    kind = " and has its pixels in several scans" if fixed_bytes else ""
    otherwise = "; without a width it is passed on as it is" if of_jpeg else ""
    raise UndrawableError(
        f"is {width_px} x {height_px} pixels{kind}: to scale it takes {_mb(cost_bytes)} of memory, "
        f"{_mb(budget_bytes)} are allowed{otherwise}"
    )


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _coefficient_bytes(header: Header) -> int:
    """Return what a decoder keeps of a JPEG of several scans; 0 for one of a single scan."""
    if not header.has_more_scans:
        return 0
    width_px, height_px = header.size_px
    sampling = header.sampling or ((1, 1),)
    across, down = max(h for h, _ in sampling), max(v for _, v in sampling)
    columns, rows = -(-width_px // (_BLOCK_PX * across)), -(-height_px // (_BLOCK_PX * down))
    return _BLOCK_BYTES * columns * rows * sum(h * v for h, v in sampling)
