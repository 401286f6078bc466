"""Where to look for the last picture in a log whose end may be a backlog."""

WINDOWS = (1, 4, 32)
"""Records back from the end. Usually the first holds a live picture; a camera that empties its spool needs more."""


class Rewind:
    """Goes back through one partition, window by window, until a live picture is found or enough was looked at.

    The reader seeks to ``start``, hands in what comes with ``wants`` and ``seen``, and asks ``step`` when
    ``complete``. What comes after ``end`` is read later, so that nothing is read in vain.
    """

    def __init__(self, begin: int, end: int) -> None:
        self.end = end
        self._begin = begin
        self._window = 0
        self._reached = 0
        self.satisfied = end <= begin
        self.start = self._high = end
        self._open()

    def wants(self, offset: int) -> bool:
        """Whether the record at *offset* is in the window and not looked at yet."""
        return self.start <= offset < self._high

    def seen(self, offset: int, *, live: bool) -> None:
        """Note that the record at *offset*, or the place where it would be, was looked at."""
        self._reached = max(self._reached, offset + 1)
        self.satisfied = self.satisfied or live

    @property
    def complete(self) -> bool:
        """Whether the window was looked at to its end."""
        return self._reached >= self._high

    def step(self) -> bool:
        """Open the next window further back; False if there is no need or no more to look at."""
        if self.satisfied or self.start <= self._begin or self._window + 1 >= len(WINDOWS):
            return False
        self._window += 1
        self._open()
        return True

    def _open(self) -> None:
        self._high = self.start
        self.start = max(self._begin, self.end - WINDOWS[self._window])
        self._reached = self.start
