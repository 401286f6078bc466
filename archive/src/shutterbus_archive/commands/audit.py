"""``audit``: what it prints."""

import argparse
import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from shutterbus_archive.audit import Audit, DayAudit, Depth
from shutterbus_archive.audit_messages import audit_quarantine, audit_telemetry
from shutterbus_archive.catalog import beside
from shutterbus_archive.load import load
from shutterbus_archive.opening import store_of
from shutterbus_archive.store import Store
from shutterbus_runtime.command_line import say

LISTED_MAX = 10
"""Names a day and kind; ``--json`` has all."""


def run(options: argparse.Namespace) -> int:
    """Audit, and return 1 where something is missing or damaged."""
    settings = load(os.environ).settings
    totals: Counter[str] = Counter(frames=0, missing=0, damaged=0, untracked=0)
    differing: list[DayAudit] = []
    with beside.reading(settings.state_dir) as connection, store_of(settings, connection) as store:
        for day in _all(connection, store, options.depth):
            totals.update(_counts(day))
            if day.missing or day.damaged or day.untracked:
                differing.append(day)
    if options.json:
        say(json.dumps({"depth": options.depth, **totals, "days": [_members(day) for day in differing]}))
    else:
        for line in _lines(differing, totals):
            say(line)
    return 1 if totals["missing"] or totals["damaged"] else 0


def _all(connection: sqlite3.Connection, store: Store, depth: Depth) -> Iterator[DayAudit]:
    yield from Audit(connection, store, depth).run()
    yield from audit_quarantine(connection, store, depth, time.time_ns() // 1_000)
    if depth == "content":
        yield from audit_telemetry(connection, store)


def _counts(day: DayAudit) -> dict[str, int]:
    return {
        "frames": day.frames,
        "missing": len(day.missing),
        "damaged": len(day.damaged),
        "untracked": len(day.untracked),
    }


def _members(day: DayAudit) -> dict[str, object]:
    return {
        "camera": day.camera,
        "day": day.day,
        "frames": day.frames,
        "missing": day.missing,
        "damaged": [{"key": damage.key, "sentence": damage.sentence} for damage in day.damaged],
        "untracked": day.untracked,
    }


def _lines(days: Iterable[DayAudit], totals: Counter[str]) -> Iterator[str]:
    for day in days:
        counts = ", ".join(f"{count:,} {word}" for word, count in _counts(day).items() if count)
        yield f"{day.camera} {day.day}: {counts}"
        for word, keys in (
            ("missing", day.missing),
            ("damaged", [f"{damage.key}: {damage.sentence}" for damage in day.damaged]),
            ("untracked", day.untracked),
        ):
            yield from (f"  {word} {key}" for key in keys[:LISTED_MAX])
            if len(keys) > LISTED_MAX:
                yield f"  {word} and {len(keys) - LISTED_MAX:,} more (--json names all)"
    said = ", ".join(f"{totals[word]:,} {word}" for word in ("missing", "damaged", "untracked"))
    yield f"{totals['frames']:,} frames: {said}"
    if totals["untracked"]:
        yield "What is untracked can be taken into the catalog: shutterbus-archive rebuild --since DATE, while the archive is stopped."
