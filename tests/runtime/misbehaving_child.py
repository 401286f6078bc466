"""A supervised child that does as told: the word before the last argument says what. A real one, on the real channel."""

import subprocess
import sys
import time

from shutterbus_runtime.child_channel import ToParent
from shutterbus_runtime.child_process import end_with_parent


def main() -> None:
    """Echo what is asked, but for one fault."""
    end_with_parent()
    fault = sys.argv[-2]
    if fault == "grandchild":
        print(subprocess.Popen(["sleep", "3600"]).pid, flush=True)
    parent = ToParent(int(sys.argv[-1]))
    if fault == "refuses":
        parent.send_error("no-lamp", "there is no lamp; screw one in")
        return
    if fault == "never-ready":
        time.sleep(3600)
    parent.send("ready", {"fault": fault})
    while True:
        kind, metadata, body = parent.receive()
        if kind == "close":
            return
        if fault == "dies":
            print("\x1b[31m12:00 the lamp broke\x1b[0m", flush=True)
            sys.exit(3)
        parent.send("echo", metadata, body)


if __name__ == "__main__":
    try:
        main()
    except (EOFError, OSError):
        sys.exit(0)
