"""``retain``: what the limits would remove, said beforehand; and the word that it may. The archive may run meanwhile."""

from shutterbus_archive.catalog import Ageing
from shutterbus_archive.keeping import Archive
from shutterbus_archive.opening import archive_beside
from shutterbus_archive.retention import APPROVED, Limits, Retention
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_runtime.clock import SystemClock


def preview(settings: ArchiveSettings) -> str:
    """Return what the limits would remove now, in a sentence."""
    with archive_beside(settings) as archive:
        return _said(settings, archive)


def agree(settings: ArchiveSettings) -> str:
    """Note that the limits that are set now may take effect, however much they remove."""
    with archive_beside(settings) as archive:
        said = _said(settings, archive)
        archive.catalog.note(APPROVED, str(Limits(settings.max_bytes, settings.max_age_s)))
    return f"{said} Agreed: the archive does so within half a minute while it runs."


def _said(settings: ArchiveSettings, archive: Archive) -> str:
    ageing = Ageing(archive.catalog)
    frames = sum(count for count, _ in archive.catalog.totals().values())
    total_bytes, kept_bytes = ageing.total_bytes(), ageing.kept_bytes()
    stored = f"{frames:,} frames, {total_bytes / 1e9:.2f} GB"
    stored += f" ({kept_bytes / 1e9:.2f} GB are kept whatever the limits say)" if kept_bytes else ""
    if settings.max_bytes is None and settings.max_age_s is None:
        return f"{stored}; no limit is set (ARCHIVE_MAX_BYTES, ARCHIVE_MAX_AGE): nothing goes."
    limits = Limits(settings.max_bytes, settings.max_age_s)
    retention = Retention(archive.store, archive.catalog, limits, SystemClock(), archive.floor)
    return f"{stored}, of which the limits remove {retention.going_bytes() / 1e9:.2f} GB, the oldest first."
