"""``keep``: what it does and prints."""

import argparse
import json
import os
import secrets
import time

from shutterbus_archive.catalog import Erasing, Keep, Protection
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.load import load
from shutterbus_archive.opening import archive_beside
from shutterbus_archive.orders import Orders
from shutterbus_runtime.command_line import say
from shutterbus_wire import instant


def list_keeps(options: argparse.Namespace) -> int:
    """Print what is kept."""
    with archive_beside(load(os.environ).settings) as archive:
        keeps = Protection(archive.catalog).keeps()
    if options.json:
        say(json.dumps([_members(keep) for keep in keeps]))
        return 0
    for keep in keeps:
        say(_line(keep))
    if not keeps:
        say("Nothing is kept from retention.")
    return 0


def add(options: argparse.Namespace) -> int:
    """Leave something alone from now on."""
    if options.to_us <= options.from_us:
        raise ArchiveError("--to has to be later than --from")
    now_us = time.time_ns() // 1_000
    keep = Keep(secrets.token_hex(4), options.camera, options.from_us, options.to_us, options.reason, now_us)
    with archive_beside(load(os.environ).settings) as archive:
        known = Erasing(archive.catalog).cameras()
        if keep.camera not in known:
            raise ArchiveError(
                f"there is no camera {keep.camera[:80]!r} here; there are {', '.join(known) or 'none'}"
            )
        Protection(archive.catalog).add(keep, lambda: Orders(archive.store).write_keep(keep))
    say(json.dumps(_members(keep)) if options.json else _line(keep))
    return 0


def drop(options: argparse.Namespace) -> int:
    """Leave it to retention again."""
    with archive_beside(load(os.environ).settings) as archive:
        protection, orders = Protection(archive.catalog), Orders(archive.store)
        keeps = {keep.id: keep for keep in protection.keeps()}
        if unknown := [keep_id for keep_id in options.ids if keep_id not in keeps]:
            raise ArchiveError(
                f"nothing is kept as {unknown[0][:80]!r}: shutterbus-archive keep list names what is"
            )
        for keep_id in options.ids:
            protection.drop(keep_id, lambda gone=keep_id: orders.write_end_of_keep(gone))  # type: ignore[misc] # mypy #12557
    answers = [_members(keeps[keep_id]) for keep_id in options.ids]
    if options.json:
        say(json.dumps(answers))
    else:
        for keep_id in options.ids:
            say(f"{keep_id} is left to retention again")
    return 0


def _members(keep: Keep) -> dict[str, object]:
    return {
        "id": keep.id,
        "camera": keep.camera,
        "from": instant.rfc3339(keep.from_us),
        "to": instant.rfc3339(keep.to_us),
        "reason": keep.reason,
        "at": instant.rfc3339(keep.at_us),
    }


def _line(keep: Keep) -> str:
    line = f"{keep.id}  {keep.camera}  {instant.rfc3339(keep.from_us)} to {instant.rfc3339(keep.to_us)}"
    return f"{line}  {keep.reason}" if keep.reason else line
