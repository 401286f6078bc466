"""``retain``: what the limits would remove, said beforehand; and the word that it may. The archive may run meanwhile."""

import sqlite3
import time

from shutterbus_archive.catalog.database import BUSY_MS, FILE
from shutterbus_archive.errors import CatalogError
from shutterbus_archive.retention import APPROVED, Limits
from shutterbus_archive.settings import ArchiveSettings


def preview(settings: ArchiveSettings) -> str:
    """Return what ARCHIVE_MAX_BYTES and ARCHIVE_MAX_AGE would remove now, in a sentence."""
    with _open(settings, "ro") as catalog:
        frames, total_bytes = catalog.execute(
            "select coalesce(sum(frames), 0), coalesce(sum(bytes), 0) from bucket"
        ).fetchone()
        aged = 0
        if settings.max_age_s is not None:
            before_us = time.time_ns() // 1_000 - int(settings.max_age_s * 1e6)
            query = "select coalesce(sum(bytes), 0) from bucket where last_us < ?"
            (aged,) = catalog.execute(query, (before_us,)).fetchone()
    over = max(0, total_bytes - settings.max_bytes) if settings.max_bytes is not None else 0
    if settings.max_bytes is None and settings.max_age_s is None:
        return f"{frames:,} frames, {total_bytes / 1e9:.2f} GB; no limit is set (ARCHIVE_MAX_BYTES, ARCHIVE_MAX_AGE): nothing goes."
    return f"{frames:,} frames, {total_bytes / 1e9:.2f} GB, of which the limits remove {max(over, aged) / 1e9:.2f} GB, the oldest first."


def agree(settings: ArchiveSettings) -> str:
    """Note that the limits that are set now may take effect, however much they remove."""
    said = preview(settings)
    with _open(settings, "rw") as catalog:
        limits = str(Limits(settings.max_bytes, settings.max_age_s))
        catalog.execute("insert or replace into meta (name, value) values (?, ?)", (APPROVED, limits))
    return f"{said} Agreed: the archive does so within half a minute while it runs."


def _open(settings: ArchiveSettings, mode: str) -> sqlite3.Connection:
    path = settings.state_dir / FILE
    try:
        catalog = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=BUSY_MS / 1_000)
        catalog.execute("select 1 from meta").fetchone()
    except sqlite3.Error as error:
        raise CatalogError(f"{path} cannot be read ({error}): is ARCHIVE_STATE_DIR right?") from error
    return catalog
