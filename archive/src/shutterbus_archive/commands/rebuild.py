"""``rebuild``: what it prints."""

import argparse
import os
import time

from shutterbus_archive.catalog import Catalog, exchange, schema
from shutterbus_archive.errors import NotOurStoreError
from shutterbus_archive.load import load
from shutterbus_archive.opening import open_store, store_root
from shutterbus_archive.rebuild import LOST, Rebuild, Rebuilt
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_archive.store.folder import FolderStore
from shutterbus_archive.store.founding import read_marker
from shutterbus_runtime.command_line import say

LISTED_MAX = 10


def run(options: argparse.Namespace) -> int:
    """Make the catalog anew, or with ``--since`` bring it up to the files of the last days."""
    settings = load(os.environ).settings
    begun_s = time.monotonic()
    rebuilt = _bring_up(settings, options.since) if options.since else _make_anew(settings)
    _print(rebuilt, time.monotonic() - begun_s)
    if not options.since:
        say("Not in any file, and so not restored:")
        for lost in LOST:
            say(f"  {lost}")
    return 0


def _make_anew(settings: ArchiveSettings) -> Rebuilt:
    root, folder = store_root(settings), settings.state_dir
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    marker = read_marker(root)
    if marker is None:
        raise NotOurStoreError(f"there is no store at {root}: is its disk mounted, and ARCHIVE_DIR right?")
    known = exchange.noted(folder, schema.STORE)
    if known not in {None, marker.store}:
        raise NotOurStoreError(
            f"{root} is store {marker.store}, and that of the catalog in {folder} is {known}: mount that one there, or adopt "
            "this one first with shutterbus-archive adopt"
        )
    member = exchange.noted(folder, schema.MEMBER)
    store = FolderStore(root, marker)
    try:
        with exchange.replacement(folder) as catalog:
            catalog.note(schema.STORE, marker.store)
            if member:
                catalog.note(schema.MEMBER, member)  # else what waits in MQTT's session would wait for nobody
            return Rebuild(store, catalog).run()
    finally:
        store.close()


def _bring_up(settings: ArchiveSettings, since: str) -> Rebuilt:
    catalog = Catalog(settings.state_dir)
    try:
        store = open_store(settings, catalog)
        try:
            return Rebuild(store, catalog, since).run()
        finally:
            store.close()
    finally:
        catalog.close()


def _print(rebuilt: Rebuilt, took_s: float) -> None:
    for name, why in rebuilt.left_out[:LISTED_MAX]:
        say(f"left out {name}: {why}")
    if len(rebuilt.left_out) > LISTED_MAX:
        say(f"left out {len(rebuilt.left_out) - LISTED_MAX:,} more files and lines")
    if rebuilt.torn:
        say(f"{rebuilt.torn:,} pictures have no end mark; they are taken in as they are")
    if rebuilt.erased:
        say(
            f"{rebuilt.erased:,} files of erased frames are still there; the archive removes them when it runs"
        )
    say(
        f"Taken in: {rebuilt.frames:,} frames ({rebuilt.size_bytes / 1e9:.2f} GB), {rebuilt.telemetry:,} reports and readings, "
        f"{rebuilt.quarantined:,} messages in quarantine, in {took_s:.1f} s"
    )
