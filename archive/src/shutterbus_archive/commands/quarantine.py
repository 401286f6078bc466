"""``quarantine``: what it prints."""

import argparse
import json
import os
from typing import Any

from shutterbus_archive.catalog import QuarantineRow
from shutterbus_archive.catalog.quarantined import FACTS
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.load import load
from shutterbus_archive.opening import archive_beside
from shutterbus_archive.quarantine import facts_of
from shutterbus_archive.release import entry, release
from shutterbus_runtime.command_line import say
from shutterbus_wire import instant


def list_messages(options: argparse.Namespace) -> int:
    """Print a line for each message, oldest first."""
    with archive_beside(load(os.environ).settings) as archive:
        rows = archive.catalog.quarantined(options.camera)
    if options.json:
        say(json.dumps([_members(row) for row in rows]))
        return 0
    for row in rows:
        say(
            f"{row.id}  {instant.rfc3339(row.at_us)}  {row.camera}  {row.reason}  {row.size_bytes:,} bytes  {row.sentence}"
        )
    if not rows:
        say("Nothing is in quarantine.")
    return 0


def show(options: argparse.Namespace) -> int:
    """Print all that is known of one message."""
    with archive_beside(load(os.environ).settings) as archive:
        row = entry(archive, options.number)
        members = _members(row) | {
            "attributes": facts_of(archive.store.read(row.key + FACTS)).get("attributes", {})
        }
    if options.json:
        say(json.dumps(members))
    else:
        for name, value in members.items():
            say(f"{name}: {json.dumps(value) if isinstance(value, dict) else value}")
    return 0


def release_messages(options: argparse.Namespace) -> int:
    """Put messages through again; return 1 if one of them cannot be."""
    failed = False
    answers: list[dict[str, Any]] = []
    with archive_beside(load(os.environ).settings) as archive:
        for number in options.numbers:
            try:
                answers.append({"id": number, "released": True, "sentence": release(archive, number)})
            except ArchiveError as error:
                failed = True
                answers.append({"id": number, "released": False, "sentence": str(error)})
    _print_answers(answers, as_json=options.json)
    return int(failed)


def drop(options: argparse.Namespace) -> int:
    """Remove messages for good."""
    with archive_beside(load(os.environ).settings) as archive:
        rows = [entry(archive, number) for number in options.numbers]
        archive.quarantine.remove(rows)
    answers = [
        {"id": row.id, "dropped": True, "sentence": f"message {row.id} of {row.camera} dropped"}
        for row in rows
    ]
    _print_answers(answers, as_json=options.json)
    return 0


def _members(row: QuarantineRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "camera": row.camera,
        "reason": row.reason,
        "sentence": row.sentence,
        "transport": row.transport,
        "topic": row.topic,
        "position": row.position,
        "at": instant.rfc3339(row.at_us),
        "bytes": row.size_bytes,
        "sha256": row.digest.hex(),
        "file": row.key,
    }


def _print_answers(answers: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(answers))
    else:
        for answer in answers:
            say(answer["sentence"])
