"""Whether this machine's clock is set by somebody who knows the time."""

import ctypes
import functools

_STA_UNSYNC = 0x0040  # <sys/timex.h>: the kernel was not told lately that its clock is right
_TIMEX_BYTES = 512  # more than struct timex on every platform


class _Timex(ctypes.Structure):
    """The head of Linux's ``struct timex``; adjtimex(2) with no modes only reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maximum_error_us", ctypes.c_long),
        ("estimated_error_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * _TIMEX_BYTES),
    )


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def clock_synced() -> bool:
    """Return whether the kernel counts its clock as synchronised (NTP, chrony, PTP or GPS alike).

    A Pi has no clock of its own: until this is true, its pictures carry times that are only a guess.
    """
    timex = _Timex()
    if _libc().adjtimex(ctypes.byref(timex)) < 0:
        return False  # refused in a container that may not ask: claim nothing
    return not timex.status & _STA_UNSYNC
