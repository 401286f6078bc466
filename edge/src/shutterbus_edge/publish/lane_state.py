"""What a lane has delivered, and what it says of itself."""

from dataclasses import dataclass

from shutterbus_edge.publish.pending_send import PendingSend
from shutterbus_runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane, for health and reports.

    Attributes:
        reason: Why it does not deliver now, a sentence; empty while it does or has nothing to do.
        last_confirmed_us: When the broker last confirmed anything, us since 1970, UTC.
        published: Frames confirmed since this process started; ``published_bytes`` are theirs.
        confirm_s: How long the last frame took from handing over to confirmation.
    """

    connected: bool
    reason: str
    last_confirmed_us: int | None
    in_flight: int
    published: int
    published_bytes: int
    telemetry_published: int
    confirm_s: float | None


class Confirmations:
    """What the broker has confirmed since this process started.

    Attributes:
        confirm_s: See ``LaneState``.
    """

    def __init__(self, clock: Clock) -> None:
        self.confirm_s: float | None = None
        self._clock = clock
        self._last_us: int | None = None
        self._frames = self._frame_bytes = self._telemetry = 0

    def note(self, pending: PendingSend) -> None:
        """Note that *pending* is confirmed."""
        self._last_us = self._clock.utc_us()
        if pending.kind == "frame":
            self._frames += 1
            self._frame_bytes += pending.size_bytes
            self.confirm_s = self._clock.monotonic_s() - pending.sent_at_s
        elif pending.kind == "telemetry":
            self._telemetry += 1

    def state(self, *, connected: bool, reason: str, in_flight: int) -> LaneState:
        """Return the lane's state, with what it knows of itself beside."""
        return LaneState(
            connected=connected,
            reason=reason,
            last_confirmed_us=self._last_us,
            in_flight=in_flight,
            published=self._frames,
            published_bytes=self._frame_bytes,
            telemetry_published=self._telemetry,
            confirm_s=self.confirm_s,
        )
