"""Whether the clock is to be trusted."""

import ctypes

import pytest

from shutterbus_edge.status import timekeeping


class Kernel:
    """A libc whose adjtimex answers with the given status and result."""

    def __init__(self, status: int, result: int) -> None:
        self._status, self._result = status, result

    def adjtimex(self, reference: object) -> int:
        timex = ctypes.cast(reference, ctypes.POINTER(timekeeping._Timex)).contents  # type: ignore[arg-type] # a byref
        timex.status = self._status
        return self._result


@pytest.mark.parametrize(
    ("status", "result", "trusted"),
    [
        pytest.param(0x2001, 0, True, id="kept by NTP"),
        pytest.param(0x0040, 5, False, id="never set since boot"),
        pytest.param(0x0000, -1, False, id="not allowed to ask"),
    ],
)
def test_clock_is_trusted_only_if_the_kernel_says_so(
    status: int, result: int, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Pi boots without a clock: a picture must not claim a time that nobody vouches for."""
    monkeypatch.setattr(timekeeping, "_libc", lambda: Kernel(status, result))

    assert timekeeping.clock_synced() is trusted
