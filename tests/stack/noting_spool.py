"""The edge as it is, of any version, with one ear at its spool: what was stored is noted in ``stored.jsonl`` beside this file.

Takes the place of ``shutterbus-edge`` in the edge's own container, beside a copy of ``raw_consumer.py``. One line of JSON for
each frame and each reading that the spool has taken: epoch, number, a reading's stream, and the SHA-256 that the raw
consumer would note.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def note_stored() -> None:
    """Wrap what puts a frame or telemetry into the spool; both return when it is on disk."""
    from raw_consumer import scan_sha256  # type: ignore[import-not-found]  # beside it there

    from shutterbus_edge.spool import Spool

    notes = (HERE / "stored.jsonl").open("a", buffering=1)

    def noting(put: Any) -> Any:
        def put_and_note(self: Any, *arguments: Any) -> Any:
            held = put(self, *arguments)
            line = {
                "epoch": held.id.epoch,
                "stream": held.stream,
                "seq": held.id.seq,
                "sha256": scan_sha256(arguments[-1]),
            }
            notes.write(json.dumps(line) + "\n")
            return held

        return put_and_note

    # Version 0.1.0 called telemetry records.
    for name in ("put", "put_telemetry", "put_record"):
        if hasattr(Spool, name):
            setattr(Spool, name, noting(getattr(Spool, name)))


if __name__ == "__main__":
    from shutterbus_edge.__main__ import main

    note_stored()
    sys.exit(main())
