"""Which picture of a camera is its newest.

A queue would be wrong here: a person who watches wants to skip to the present, not to see everything late. So there
is one place per camera, and one rule for what may take it:

- A live-lane picture takes the place of one with a lower number of the same epoch, and of any picture if its
  own epoch was not seen before. A camera that began a new epoch does not go back to an older one: that is a straggler,
  unless it was taken, by a clock that is set, after the picture shown had come. So an epoch that somebody replays holds
  the place until the camera's next picture.
- A backlog picture never takes the place of a live one. Where no live one is known yet, the last one stands in.
- Where the transport carries no lane, numbers of the same epoch decide, between epochs the time of capture.
"""

from dataclasses import dataclass

from shutterbus_wire.frame import Frame

EPOCHS_KEPT = 64
"""Of one camera. An epoch begins at an unclean start, so these are years, or a device that only crashes."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class LatestFrame:
    """A picture on its way to screens.

    Attributes:
        arrived_at_us: When it reached this process, us since 1970, UTC.
    """

    frame: Frame
    arrived_at_us: int

    @property
    def camera(self) -> str:
        return self.frame.metadata.camera

    @property
    def id(self) -> str:
        """``<epoch>-<seq>``."""
        return str(self.frame.metadata.id)

    @property
    def width_px(self) -> int:
        """As it is shown, upright."""
        return self.frame.header.upright_size_px[0]

    @property
    def height_px(self) -> int:
        """As it is shown, upright."""
        return self.frame.header.upright_size_px[1]

    @property
    def has_known_age(self) -> bool:
        """Whether anybody said when it was taken, or when its broker received it."""
        return self.frame.metadata.captured_at_source != "unknown"

    @property
    def standing_in(self) -> bool:
        """Whether it is from the backlog, shown because no live picture is known."""
        return self.frame.lane == "backlog"

    @property
    def taken_at_us(self) -> int:
        """When it was taken, but never later than it arrived: a clock that runs ahead must not hold the place.

        0 where nobody knows: whatever comes next is newer.
        """
        if not self.has_known_age:
            return 0
        return min(self.frame.metadata.captured_at_us, self.arrived_at_us)


class Newest:
    """The place for one camera's newest picture."""

    def __init__(self) -> None:
        self.picture: LatestFrame | None = None
        self._epochs: dict[str, int] = {}

    def offer(self, picture: LatestFrame) -> bool:
        """Take *picture* if it is newer by the rule of this module; say whether it was."""
        if self.picture is not None and not self._newer(picture, self.picture):
            return False
        self.picture = picture
        if not picture.standing_in:
            identity = picture.frame.metadata.id
            highest = max(identity.seq, self._epochs.pop(identity.epoch, 0))
            self._epochs[identity.epoch] = highest
            if len(self._epochs) > EPOCHS_KEPT:
                del self._epochs[next(iter(self._epochs))]
        return True

    def _newer(self, picture: LatestFrame, shown: LatestFrame) -> bool:
        new, old = picture.frame.metadata, shown.frame.metadata
        same_count = new.id.epoch == old.id.epoch
        if picture.frame.lane == "live":
            if shown.standing_in:
                return True
            if same_count:
                return new.id.seq > old.id.seq
            return new.id.epoch not in self._epochs or self._is_alive(picture, shown)
        if picture.standing_in and not shown.standing_in:
            return False
        # A number is worth more than a clock, which may be set back; one made up by a reader is not the camera's.
        if same_count and new.identity_source == "edge":
            return new.id.seq > old.id.seq
        return picture.taken_at_us > shown.taken_at_us

    def _is_alive(self, picture: LatestFrame, shown: LatestFrame) -> bool:
        """Whether *picture*, of an epoch that was left, shows that its camera still counts in it."""
        metadata = picture.frame.metadata
        return (
            metadata.id.seq > self._epochs[metadata.id.epoch]
            and metadata.clock_synced
            and picture.taken_at_us > shown.arrived_at_us
        )
