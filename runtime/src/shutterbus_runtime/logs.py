"""The log of a process: lines on standard error, at the level that its settings ask for."""

import logging
from collections.abc import Iterable
from typing import Any

from shutterbus_runtime.settings import Loaded

LINE_FORMAT = "{asctime} {levelname} {name}: {message}"


def start_logging(level: str, line_format: str | None = None, *, quiet: Iterable[str] = ()) -> None:
    """Send the log to standard error.

    Args:
        level: Lines below it are left out.
        line_format: Of a line, in Python's ``{}`` style; None for the usual one.
        quiet: Loggers of libraries that may only warn, whatever the level.
    """
    logging.basicConfig(level=level, format=line_format or LINE_FORMAT, style="{")
    for library in quiet:
        logging.getLogger(library).setLevel(logging.WARNING)


def log_remarks(log: logging.Logger, loaded: Loaded[Any]) -> None:
    """Log what there is to say about the settings that a process starts with."""
    for sentence in loaded.warnings:
        log.warning("%s", sentence)
    for sentence in loaded.notes:
        log.info("%s", sentence)
