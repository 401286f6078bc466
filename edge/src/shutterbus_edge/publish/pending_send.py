"""A message that a client has and the broker has not yet confirmed."""

from dataclasses import dataclass
from typing import Literal

from shutterbus_edge.spool import Held

Kind = Literal["frame", "telemetry", "status"]


@dataclass(frozen=True, slots=True, eq=False)
class PendingSend:
    """A message between ``Client.send`` and its answer.

    Attributes:
        held: None for a status, which the spool does not keep.
        turn: Where it stands in its lane's order.
        topic: Where it was sent; empty for what was not sent yet.
    """

    kind: Kind
    held: Held | None
    size_bytes: int
    sent_at_s: float
    turn: int = 0
    topic: str = ""
