"""Which count of frames goes on, and which begins anew.

An epoch is continued only after a clean stop, by the same camera on the same machine, and only once the disk has
recorded that it is in use again. Everything else begins a new one, so that no number is ever given twice: not after
a power cut, not on a copied or restored card. No numbers are reserved ahead: holes would look like loss.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shutterbus_edge.spool.counters import FrameCounts
from shutterbus_edge.spool.names import STREAM_PATTERN
from shutterbus_wire.identity import EPOCH_PATTERN, SEQ_MAX, new_epoch

FILE = "epoch.json"

UNCERTAIN_MAX = 16
"""Uncertain ranges carried from epoch to epoch, newest kept: each is in every report of the epochs after it."""


EpochName = Annotated[str, Field(pattern=f"^{EPOCH_PATTERN}$")]
Number = Annotated[int, Field(ge=0, le=SEQ_MAX)]


class SavedEpoch(BaseModel):
    """What ``epoch.json`` says.

    Attributes:
        next_seq: The number of the next frame, if clean; else of the first frame since this epoch was opened.
        streams: The next number of each stream of telemetry.
        clean: Whether the process that used it has ended its account.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: EpochName
    camera: str
    machine: str
    next_seq: Number
    streams: dict[Annotated[str, Field(pattern=f"^{STREAM_PATTERN}$")], Number]
    clean: bool
    uncertain: tuple[tuple[EpochName, Number, Number | None], ...] = ()
    tally: FrameCounts

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        # One flipped bit, and a number would be given twice: each of them has to agree with the others.
        tally, dropped = self.tally, self.tally.dropped.values()
        parts = (tally.acked, tally.quarantined, tally.held, *(drop.count for drop in dropped))
        ranges = [numbers for drop in dropped for _, *numbers in drop.ranges]
        if min(parts) < 0 or tally.captured != sum(parts) or tally.captured != self.next_seq:
            raise ValueError("its numbers do not add up")
        if not all(0 <= first <= last <= SEQ_MAX for first, last in ranges):
            raise ValueError("a range of numbers is none")
        return self

    def encode(self) -> bytes:
        return self.model_dump_json(indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Beginning:
    """The epoch to count in. saved is to be noted before the first frame; reason says why it is new, None if it goes on."""

    saved: SavedEpoch
    reason: str | None

    def unnoted(self, error: OSError) -> "Beginning":
        """The epoch to count in if *error* prevents the note: one that nobody can believe to be unused."""
        if self.reason is not None:
            return self
        fresh = _fresh(self.saved.camera, self.saved.machine, self.saved.uncertain)
        return Beginning(fresh, f"the use of the last one could not be noted ({error.strerror})")


def begin(file: bytes | None, camera: str, machine: str, newest: Mapping[str, int]) -> Beginning:
    """Return the epoch to count in.

    *file* is the content of ``epoch.json`` if there is one; *newest* the highest number found of each epoch's frames.
    """
    if file is None:
        return Beginning(_fresh(camera, machine), "this spool is new")
    try:
        old = SavedEpoch.model_validate_json(file)
    except ValidationError:
        return Beginning(_fresh(camera, machine), f"{FILE} cannot be read")
    if old.camera != camera:
        reason = f"the camera was {old.camera}"
    elif old.machine != machine:
        reason = "the machine is another"
    elif not old.clean:
        reason = "the last stop was unclean"
    elif newest.get(old.epoch, -1) >= old.next_seq:
        reason = f"{FILE} is older than the frames beside it"
    else:
        return Beginning(old.model_copy(update={"clean": False}), None)
    uncertain = (*old.uncertain, (old.epoch, old.next_seq, None))[-UNCERTAIN_MAX:]
    return Beginning(_fresh(camera, machine, uncertain), reason)


def machine_fingerprint() -> str:
    """Return what tells this machine from a copy of its card: the operating system's id and a Pi's serial number, hashed."""
    digest = hashlib.sha256()
    for path, pattern in ((Path("/etc/machine-id"), r".+"), (Path("/proc/cpuinfo"), r"(?m)^Serial.*")):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if match := re.search(pattern, text):
            digest.update(match[0].encode())
    return digest.hexdigest()[:16]


def _fresh(camera: str, machine: str, uncertain: tuple[tuple[str, int, int | None], ...] = ()) -> SavedEpoch:
    return SavedEpoch(
        epoch=new_epoch(),
        camera=camera,
        machine=machine,
        next_seq=0,
        streams={},
        clean=False,
        uncertain=uncertain,
        tally=FrameCounts(0, 0, 0, 0),
    )
