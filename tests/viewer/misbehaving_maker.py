"""The maker process, for which some pictures misbehave as their names say, as if it were the decoder's fault."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from shutterbus_viewer.history import __main__ as maker
from shutterbus_viewer.history import kept_frame

_read = kept_frame.read


def _misbehave(path: Path) -> object:
    if path.name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if path.name.startswith("hang"):
        path.with_suffix(".begun").write_text(str(os.getpid()))
        time.sleep(3_600)
    if path.name.startswith("balloon"):
        np.ones(1 << 35, np.uint8)
    return _read(path)


if __name__ == "__main__":
    kept_frame.read = _misbehave  # type: ignore[assignment] # or it raises, hangs or dies
    maker.main()
