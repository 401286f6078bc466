"""Counts how often headers of JPEGs are walked, to show that each is walked once."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shutterbus_wire import jpeg


@dataclass
class Walks:
    """How many walks were begun, and over how many segments all of them went."""

    begun: int = 0
    segments: int = 0


def counted(monkeypatch: pytest.MonkeyPatch) -> Walks:
    """Count the walks of this test from now on."""
    walks, walk = Walks(), jpeg.segments

    def segments(data: bytes) -> Iterator[jpeg.Segment]:
        walks.begun += 1
        for segment in walk(data):
            walks.segments += 1
            yield segment

    monkeypatch.setattr(jpeg, "segments", segments)
    return walks
