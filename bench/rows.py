"""One line of a table of measurements."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured, beside what it is measured against in the same run.

    Attributes:
        ratio: ours / peer; None where there is no peer.
        goal: What the ratio, or ours if there is no peer, should be, in words.
    """

    name: str
    ours: float
    unit: str
    goal: str
    peer: float | None = None
    ratio: float | None = None

    def markdown(self) -> str:
        """The row in the table that ``bench`` prints: what, ours, against, ratio, goal."""
        peer = "" if self.peer is None else self._number(self.peer)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return f"| {self.name} | {self._number(self.ours)} | {peer} | {ratio} | {self.goal} |"

    def _number(self, value: float) -> str:
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
        return f"{value:,.{digits}f} {self.unit}".strip()
