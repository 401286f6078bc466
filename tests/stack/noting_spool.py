"""The edge as it is, of any version, with one ear at its spool.

Takes the place of ``shutterbus-edge``, beside a copy of ``raw_consumer.py``. For each frame and each reading there is a line of
JSON in ``stored.jsonl``, when the spool has taken it, and in ``acknowledged.jsonl``, when a broker has: epoch, number, a
reading's stream and the instant; in the first also the SHA-256 that the raw consumer would note.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def note_stored() -> None:
    """Wrap what puts a frame or telemetry into the spool; both return when it is on disk."""
    from raw_consumer import scan_sha256  # type: ignore[import-not-found]  # beside it there

    from shutterbus_edge.spool import Spool

    stored = (HERE / "stored.jsonl").open("a", buffering=1)
    acknowledged = (HERE / "acknowledged.jsonl").open("a", buffering=1)

    def facts(held: Any) -> dict[str, Any]:
        return {
            "epoch": held.id.epoch,
            "stream": held.stream,
            "seq": held.id.seq,
            "at_us": time.time_ns() // 1000,
        }

    def noting(put: Any) -> Any:
        def put_and_note(self: Any, *arguments: Any) -> Any:
            held = put(self, *arguments)
            stored.write(json.dumps(facts(held) | {"sha256": scan_sha256(arguments[-1])}) + "\n")
            return held

        return put_and_note

    ack = Spool.ack

    def ack_and_note(self: Any, held: Any) -> None:
        acknowledged.write(json.dumps(facts(held)) + "\n")
        ack(self, held)

    setattr(Spool, "ack", ack_and_note)  # noqa: B010, the class is left as it is for mypy

    # Version 0.1.0 called telemetry records.
    for name in ("put", "put_telemetry", "put_record"):
        if hasattr(Spool, name):
            setattr(Spool, name, noting(getattr(Spool, name)))


if __name__ == "__main__":
    from shutterbus_edge.__main__ import main

    note_stored()
    sys.exit(main())
