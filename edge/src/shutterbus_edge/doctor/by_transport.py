"""What the doctor knows of one transport: a module of its name here, which may import its client library."""

import importlib
from typing import Protocol, cast

from shutterbus_edge.doctor.context import CheckContext
from shutterbus_runtime.checks import Check

Patience = tuple[float, str, str | None]
"""Seconds that a picture may take, what has set that, and what would make it longer."""


class TransportChecks(Protocol):
    """The functions of such a module."""

    def checks(self, context: CheckContext) -> list[Check]:
        """Return what there is to ask a broker of this transport."""

    def patience(self, context: CheckContext, picture_s: float) -> Patience:
        """Return how long its client waits for a picture that needs *picture_s*."""


def checks_of(context: CheckContext) -> TransportChecks:
    """Return what the doctor knows of the transport that the settings name."""
    module = importlib.import_module(f"shutterbus_edge.doctor.{context.settings.broker.type}")
    return cast("TransportChecks", module)
