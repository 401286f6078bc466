"""``adopt``: a store that this catalog would refuse is made its own, deliberately."""

import argparse
import os

from shutterbus_archive.catalog import Catalog, schema
from shutterbus_archive.errors import NotOurStoreError
from shutterbus_archive.load import load
from shutterbus_archive.opening import store_root
from shutterbus_archive.store import founding
from shutterbus_runtime.command_line import say
from shutterbus_wire import store_layout


def run(options: argparse.Namespace) -> int:
    """Say what would be taken over; with ``--yes`` take it over."""
    settings = load(os.environ).settings
    root = store_root(settings)
    present = founding.read_marker(root)
    if present is None and not (root / store_layout.FRAMES).is_dir():
        raise NotOurStoreError(
            f"there is no store at {root}, nor frames of one: is its disk mounted, and ARCHIVE_DIR right?"
        )
    settings.state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    catalog = Catalog(settings.state_dir)
    try:
        known = catalog.noted(schema.STORE)
        frames = sum(count for count, _ in catalog.totals().values())
        what = f"store {present.store}" if present else "a store without its marker"
        if present and present.store == known:
            if not founding.is_copy(root):
                say(f"{root} is the store of this catalog already: there is nothing to adopt.")
                return 0
            what = f"a copy of store {known}"
        own = f"has {frames:,} frames in store {known}" if known else "has no store yet"
        if not options.yes:
            say(f"{root} is {what}, and the catalog in {settings.state_dir} {own}.")
            say(
                "With --yes it becomes this catalog's, under a new name, and the one before is refused from then on."
            )
            return 0
        made = founding.adopt(root)
        catalog.note(schema.STORE, made.store)
    finally:
        catalog.close()
    say(f"{root} was {what}, and is now store {made.store} of the catalog in {settings.state_dir}.")
    say(
        "shutterbus-archive audit says whether they agree; where they do not, rebuild makes the catalog anew from the files."
    )
    return 0
