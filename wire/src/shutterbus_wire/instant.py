"""Instants: us since 1970-01-01T00:00:00Z as integers, and how they are spelt."""

from datetime import UTC, datetime, timedelta

from shutterbus_wire.errors import WireError

LAST_US = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z, the last instant that EXIF and RFC 3339 can spell."""

_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def check_instant(at_us: int) -> int:
    """Return *at_us* if it lies between 1970 and 9999; raise WireError if not."""
    if not 0 <= at_us <= LAST_US:
        raise WireError(f"{at_us} us is no instant between 1970 and 9999")
    return at_us


def at(at_us: int) -> datetime:
    """Return the instant as a datetime in UTC, exact to the us."""
    return _ZERO + timedelta(microseconds=check_instant(at_us))


def rfc3339(at_us: int) -> str:
    """Return the instant as ``2026-11-20T10:03:12.123456Z``, always with six decimals."""
    return at(at_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> int | None:
    """Return the instant that ISO 8601 *text* names, or None if it names none.

    A time without a zone names no instant: the sender's zone is not known here.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return None
        return check_instant((moment - _ZERO) // timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return None
