"""The state of each camera as JSON, written once for all who are told of it, and by itself.

A camera whose metadata cannot be written (nested too deep for the encoder, say) loses its metadata, not the others
their place in the list.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.changes import Change
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.state import camera_state, picture_facts

KEPT_S = 1.0
"""What changes with time alone (a rate that falls because nothing comes) is as old as this at most."""

UNWRITABLE = "the metadata of its newest picture cannot be passed on and is left out"


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def encode(value: Any) -> str:
    """Return *value* as JSON that every browser reads: ASCII, and no NaN.

    Raises:
        ValueError: It contains NaN or infinity, or itself.
        RecursionError: It is nested too deep.
    """
    return _ENCODER.encode(value)


def joined(texts: Iterable[str]) -> str:
    """Return a JSON array of *texts*, each of which is JSON."""
    return f"[{','.join(texts)}]"


class StateTexts:
    """Remembers what it wrote until ``changed`` says that something is newer. Only on the loop."""

    def __init__(self, cameras: Cameras, clock: Clock) -> None:
        self._cameras = cameras
        self._clock = clock
        self._brief: dict[str, tuple[float, str]] = {}
        self._pictures: dict[str, tuple[str, str, str]] = {}

    def changed(self, change: Change) -> None:
        """Forget what is not the newest any more."""
        for camera in (*change.pictures, *change.states, *(reading.camera for reading in change.readings)):
            self._brief.pop(camera, None)

    def brief(self, camera: str) -> str | None:
        """Return the state of *camera* with no more than the newest of each reading; None if it is unknown."""
        now_s = self._clock.monotonic_s()
        written_s, text = self._brief.get(camera, (now_s - KEPT_S, ""))
        if now_s - written_s < KEPT_S:
            return text
        written = self.full(camera, 0)
        if written is not None:
            self._brief[camera] = now_s, written
        return written

    def full(self, camera: str, points: int | None = None) -> str | None:
        """Return the state of *camera* with *points* of each reading, None: all; None if it is unknown."""
        state = camera_state(self._cameras, camera, points)
        if state is None:
            return None
        try:
            return encode(state)
        except (ValueError, RecursionError):
            state["picture"]["metadata"] = {}
            state["problems"].append(UNWRITABLE)
            return encode(state)

    def outages(self) -> str:
        """Return which brokers cannot be reached, and since when."""
        return encode(
            [{"sentence": outage.sentence, "since_us": outage.since_us} for outage in self._cameras.outages()]
        )

    def picture(self, picture: LatestFrame) -> tuple[str, str]:
        """Return what is known of *picture*: members of a JSON object, without its metadata, and the metadata."""
        known_id, metadata, camera_metadata = self._pictures.get(picture.camera, ("", "", ""))
        if known_id == picture.id:
            return metadata, camera_metadata
        values = picture_facts(picture)
        camera_metadata = _or_nothing(values.pop("metadata"))
        metadata = encode({"camera": picture.camera, **values})[1:-1]
        self._pictures[picture.camera] = picture.id, metadata, camera_metadata
        return metadata, camera_metadata


def _or_nothing(camera_metadata: Mapping[str, Any]) -> str:
    try:
        return encode(camera_metadata)
    except (ValueError, RecursionError):
        return "{}"
