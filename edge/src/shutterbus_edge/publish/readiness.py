"""Why a lane does not send: this file has the whole answer.

A lane is in one phase, by what became of its connection and of the frames on it::

    event           AWAY       CONNECTED       DELIVERING      UNCONFIRMED     NO_SUBSCRIBERS  NOT_AUTHORIZED
    opened          CONNECTED  -               -               -               -               -
    closed          AWAY       AWAY            AWAY            AWAY            AWAY            AWAY
    confirmed       -          DELIVERING      DELIVERING      DELIVERING      DELIVERING      DELIVERING
    unconfirmed     -          UNCONFIRMED     UNCONFIRMED     UNCONFIRMED     NO_SUBSCRIBERS  NOT_AUTHORIZED
    no_subscribers  -          NO_SUBSCRIBERS  NO_SUBSCRIBERS  NO_SUBSCRIBERS  NO_SUBSCRIBERS  NO_SUBSCRIBERS
    not_authorized  -          NOT_AUTHORIZED  NOT_AUTHORIZED  NOT_AUTHORIZED  NOT_AUTHORIZED  NOT_AUTHORIZED

UNCONFIRMED is a broker that has frames and answers none (``unconfirmed``); one that has refused them for want of a subscriber
or a right has answered, and the reason stays what it said.

``-`` is refused with a LanePhaseError: an answer belongs to an open connection. Whether a message may go now is asked of
``why_not``, which names the first thing in its way, in this order:

1. ``NOT_CONNECTED``: the phase is AWAY; when it is tried again is the connection's back-off.
2. ``BACKING_OFF``: messages of this kind were not taken, and their next attempt is not due. Frames, telemetry and status
   back off apart: readings that nobody subscribes to hold up no frame.
3. ``ONE_AT_A_TIME``: the broker closed the connection on something larger than it ever confirmed (``disconnects``), or
   this kind was refused for want of a subscriber or a right: one message finds out whether that has changed.
4. ``WINDOW_FULL``: as much is in pending as the broker allows, or as this lane risks having to send again.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from shutterbus_edge.publish.disconnects import DisconnectTracker
from shutterbus_edge.publish.pending_send import Kind
from shutterbus_edge.publish.retry import Retry


class Phase(Enum):
    """What a lane knows of its broker."""

    AWAY = "away"
    CONNECTED = "connected"
    DELIVERING = "delivering"
    UNCONFIRMED = "unconfirmed"
    NO_SUBSCRIBERS = "no subscribers"
    NOT_AUTHORIZED = "not authorized"


class Event(Enum):
    """What happens to a lane's connection, and to the frames on it."""

    OPENED = "opened"
    CLOSED = "closed"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    NO_SUBSCRIBERS = "no_subscribers"
    NOT_AUTHORIZED = "not_authorized"


_ANSWERS = {
    Event.CONFIRMED: Phase.DELIVERING,
    Event.NO_SUBSCRIBERS: Phase.NO_SUBSCRIBERS,
    Event.NOT_AUTHORIZED: Phase.NOT_AUTHORIZED,
}

_REFUSED = {Phase.NO_SUBSCRIBERS, Phase.NOT_AUTHORIZED}

PHASES: Mapping[tuple[Phase, Event], Phase] = MappingProxyType({
    (Phase.AWAY, Event.OPENED): Phase.CONNECTED,
    **{(phase, Event.CLOSED): Phase.AWAY for phase in Phase},
    **{
        (phase, answer): after
        for answer, after in _ANSWERS.items()
        for phase in Phase
        if phase is not Phase.AWAY
    },
    **{
        (phase, Event.UNCONFIRMED): phase if phase in _REFUSED else Phase.UNCONFIRMED
        for phase in Phase
        if phase is not Phase.AWAY
    },
})  # fmt: skip


class WhyNot(Enum):
    """What keeps a message from being sent now."""

    NOT_CONNECTED = "not connected"
    BACKING_OFF = "backing off"
    ONE_AT_A_TIME = "one at a time"
    WINDOW_FULL = "window full"


class LanePhaseError(RuntimeError):
    """An event that the lane's phase does not allow: a defect of the caller."""


class Readiness:
    """What one lane may do now.

    Attributes:
        phase: See the table of this module.
        connection: When the connection may be opened again.
        kinds: When messages of each kind may be sent again.
        disconnects: How the connections of this lane ended.
    """

    def __init__(
        self, connection: Retry, kinds: Mapping[Kind, Retry], disconnects: DisconnectTracker
    ) -> None:
        self.phase = Phase.AWAY
        self.connection = connection
        self.kinds = kinds
        self.disconnects = disconnects

    def on(self, event: Event) -> None:
        """Change the phase by *event*; raise LanePhaseError where the table has no entry."""
        try:
            self.phase = PHASES[self.phase, event]
        except KeyError:
            raise LanePhaseError(f"{event.value} is refused: the lane is {self.phase.value}") from None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self.phase is not Phase.AWAY

    def why_not(
        self, kind: Kind, *, of_kind: int, in_flight: int, limit: int | None, window: int, now_s: float
    ) -> WhyNot | None:
        """Return what keeps one more message of *kind* from being sent; None if it may go.

        Args:
            kind: Of the message.
            of_kind: Messages of that kind in pending.
            in_flight: Messages of all kinds in pending.
            limit: How many the broker accepts in pending; None where it does not say.
            window: How many of that kind this lane risks.
            now_s: On the monotonic clock.
        """
        retry = self.kinds[kind]
        if not self.is_open:
            return WhyNot.NOT_CONNECTED
        if retry.wait_s(now_s):
            return WhyNot.BACKING_OFF
        if (self.disconnects.suspects_size and in_flight) or (retry.probing and of_kind):
            return WhyNot.ONE_AT_A_TIME
        if limit is not None and in_flight >= limit:
            return WhyNot.WINDOW_FULL
        return WhyNot.WINDOW_FULL if of_kind and of_kind >= window else None

    def due_again_s(self, now_s: float) -> list[float]:
        """Return after how many seconds each back-off ends; those that have ended are left out."""
        retries = (self.connection, *self.kinds.values())
        return [wait_s for retry in retries if (wait_s := retry.wait_s(now_s))]

    @property
    def reason(self) -> str:
        """Why nothing is delivered, a sentence; empty while something is, or nothing was tried."""
        reasons = (self.connection.reason, self.kinds["frame"].reason, self.kinds["telemetry"].reason)
        return next((reason for reason in reasons if reason), "")
