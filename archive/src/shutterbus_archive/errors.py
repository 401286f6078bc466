"""Every error that the archive raises on purpose, sorted by what the caller does."""


class ArchiveError(Exception):
    """Base class. Catch it only at the top of the process; its text is a sentence for people."""


class StoreUnavailableError(ArchiveError):
    """The store cannot take anything now. Keep what was to be stored, acknowledge nothing, and try again later."""


class NotOurStoreError(StoreUnavailableError):
    """What is there is not the store of this archive. Touch nothing; it may be mounted later."""


class CatalogError(ArchiveError):
    """The catalog cannot be opened as it is. A person has to act."""


class InUseError(ArchiveError):
    """Another process has this archive."""
