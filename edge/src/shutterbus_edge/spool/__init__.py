"""Frames and telemetry that wait on this device until the server has them: one file each, and the file is the picture.

Invariants, which ``tests/edge/test_spool*.py`` check one by one:

- ``captured = acked + dropped(reason) + quarantined + held``, at any instant. Nothing leaves without being counted.
- A file is visible under its name only when all of it is on the disk: written beside, synced, renamed. In ``durable`` mode
  ``put`` returns after the folder, too, is synced; a power cut then takes nothing that was put.
- In ``spill`` mode a power cut takes at most what was put in the last ``spill_after_s`` (2 s), and a disk that stalls does
  not stall ``put``. In ``memory`` mode it takes everything.
- A frame leaves when it is confirmed. A crash or a power cut repeats a frame rather than losing it; its number lets the
  reader recognise the repeat.
- No number is given twice, over any crash, clock jump, copied card or change of camera.
- What a lane has claimed is neither claimed by another nor dropped to make room.
- The oldest is sent first, in the order in which it was put.
- Room is made by dropping frames as ``on_full`` says, never telemetry, which has a small bound of its own.
- Bytes that are not those that were put are never sent: they are set aside, and the next one flows.
- A disk that is full, read-only or broken stops neither capture nor the live lane: frames stay in memory, within
  ``memory_max_bytes``, ``trouble`` says why, and they go to disk when it works again.

Claims, and the monotonic time of a put, are in memory only: after a restart everything waits, and its age is that of its file.
"""

from typing import TYPE_CHECKING

from shutterbus_edge.spool.counters import Dropped, FrameCounts, SpoolCounts
from shutterbus_edge.spool.limits import SpoolLimits
from shutterbus_edge.spool.metadata import camera_name
from shutterbus_edge.spool.names import Held
from shutterbus_edge.spool.recovery import obstacle
from shutterbus_edge.spool.spool import Spool

if TYPE_CHECKING:
    from shutterbus_edge.settings.edge import SpoolSettings
    from shutterbus_runtime.clock import Clock

__all__ = [
    "Dropped",
    "FrameCounts",
    "Held",
    "Spool",
    "SpoolCounts",
    "SpoolLimits",
    "camera_name",
    "obstacle",
    "open_spool",
]


def open_spool(settings: "SpoolSettings", camera: str, clock: "Clock") -> Spool:
    """Return the spool that *settings* describe, for *camera*."""
    return Spool(
        settings.dir,
        camera=camera,
        clock=clock,
        mode=settings.mode,
        limits=SpoolLimits(
            max_bytes=settings.max_bytes,
            max_files=settings.max_files,
            max_age_s=settings.max_age_s,
            min_free_bytes=settings.min_free_bytes,
            memory_max_bytes=settings.memory_max_bytes,
            on_full=settings.on_full,
        ),
    )
