"""Read by Python itself at its start: the capture process, and only that, opens virtual cameras."""

import sys

if "shutterbus_edge.capture" in sys.orig_argv:
    import virtual  # type: ignore[import-not-found]  # it lies beside this file in the image

    virtual.install()
