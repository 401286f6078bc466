"""The index of what is stored, and the account of it: SQLite, written by one process.

``Catalog`` is what the archive writes with; ``schema`` is the tables, which the viewer reads.
"""

from shutterbus_archive.catalog.ageing import Ageing
from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.catalog.erasing import Erasing
from shutterbus_archive.catalog.protection import Protection
from shutterbus_archive.catalog.quarantined import Quarantined
from shutterbus_archive.catalog.rows import Erasure, FrameName, FrameRow, Keep, QuarantineRow

__all__ = [
    "Ageing",
    "Catalog",
    "Erasing",
    "Erasure",
    "FrameName",
    "FrameRow",
    "Keep",
    "Protection",
    "QuarantineRow",
    "Quarantined",
]
