"""The maker process: decodes kept frames when its parent asks, behind everything else that this machine does.

It is started by ``process.MakerProcess`` with the number of its socket, and ends with its parent. A picture may crash it or
keep it busy without end; so it says which one it begins, and its parent ends it when that takes too long.
"""

import contextlib
import os
import resource
import sys
from pathlib import Path
from typing import Any

import cv2

from shutterbus_runtime.child_channel import ToParent
from shutterbus_runtime.child_process import end_with_parent
from shutterbus_viewer.decode_plan import plan
from shutterbus_viewer.history import kept_frame
from shutterbus_viewer.history.kept_frame import ERRORS
from shutterbus_viewer.history.sheets import SheetFrame, sheet
from shutterbus_viewer.scaling import scaled

NICENESS = 15
"""Behind the scaling of live pictures."""
MOST_LIKELY = "1000"
"""Where memory runs out the kernel shall end this process and not the viewer."""
BESIDES_BYTES = 128 << 20
"""A picture's file, what is made of it, and what the allocator reserves for a thread."""


def main() -> None:
    """Serve the parent on the socket whose number is the last argument; how much memory decoding may take is the one before."""
    end_with_parent()
    yield_to_others()
    parent = ToParent(int(sys.argv[-1]))
    budget_bytes = int(sys.argv[-2])
    cv2.setNumThreads(1)
    limit_memory(budget_bytes + BESIDES_BYTES)
    # A parent that has gone is no error here: there is nobody to tell.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        parent.send("ready")
        while True:
            kind, metadata, _ = parent.receive()
            if kind == "close":
                return
            try:
                parent.send(*_made(parent, kind, metadata, budget_bytes))
            except tuple(ERRORS.values()) as error:
                [word] = [word for word, known in ERRORS.items() if isinstance(error, known)]
                parent.send(word, {"sentence": str(error)})
            except MemoryError:
                parent.send("undrawable", {"sentence": "takes more memory than decoding may have"})


def _made(
    parent: ToParent, kind: str, metadata: dict[str, Any], budget_bytes: int
) -> tuple[str, dict[str, Any], bytes]:
    if kind == "sheet":
        frames = [SheetFrame(*frame) for frame in metadata["frames"]]
        made = sheet(frames, budget_bytes, lambda frame: parent.send("begin", {"path": frame.path}))
        return "sheet", {"complete": made.complete}, made.to_bytes()
    path, width_px = metadata["path"], metadata["width"]
    parent.send("begin", {"path": path})
    picture, header = kept_frame.read(Path(path))
    own_px = header.upright_size_px[0]
    if own_px <= width_px and header.content_type == "image/jpeg" and not header.rarity:
        return "scaled", {"as_it_is": True}, picture
    to_px = min(own_px, width_px)
    return "scaled", {"as_it_is": False}, scaled(picture, plan(header, to_px, budget_bytes), to_px)


def yield_to_others() -> None:
    """Take what processor time is left over, and go first where memory is short."""
    os.nice(NICENESS)
    # A process that leads a session of its own is a group of its own to some kernels, within which alone niceness counts.
    for file, value in (("autogroup", str(NICENESS)), ("oom_score_adj", MOST_LIKELY)):
        with contextlib.suppress(OSError):
            Path("/proc/self", file).write_text(value, "ascii")


def limit_memory(further_bytes: int) -> None:
    """Let this process take *further_bytes* beside what it has; more is an error where it is asked for."""
    with contextlib.suppress(OSError, ValueError):  # no Linux, or a lower limit is set already
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        limit_bytes = pages * resource.getpagesize() + further_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


if __name__ == "__main__":
    main()
