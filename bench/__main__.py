"""``make bench``: run the measurements named on the command line, or all, and print a table for docs/performance.md."""

import importlib
import platform
import sys
from datetime import UTC, datetime

import testrun

MEASUREMENTS = (
    "spool",
    "publish",
    "backlog",
    "screen",
    "edge",
    "overload",
    "fanout",
    "tabs",
    "intake",
    "mqtt_edge",
    "archive",
    "store_away",
    "history",
    "at_rest",
    "sheet",
    "downloads",
    "pointer",
    "scrubbing",
    "large_frames",
)


def main() -> int:
    """Print one Markdown row a result; fail only if a measurement cannot be made."""
    chosen = sys.argv[1:] or MEASUREMENTS
    print(f"{platform.machine()}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}\n")
    print("| what | ours | against | ratio | goal |\n|---|---|---|---|---|")
    testrun.interrupt_on_signals()
    with testrun.owned():  # what a measurement starts is removed also where this ends early
        for name in chosen:
            for row in importlib.import_module(f"bench.{name}").measure():
                print(row.markdown(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
