"""Going back through a log to the last live picture."""

from hypothesis import given
from hypothesis import strategies as st

from shutterbus_transport.kafka.rewind import Rewind


def looked_at(log: str, begin: int = 0) -> tuple[list[int], bool]:
    """Rewind through *log* (``l`` live, ``b`` backlog, ``x`` unreadable); return offsets in order, and the find."""
    rewind = Rewind(begin, begin + len(log))
    offsets = []
    while not rewind.satisfied or not rewind.complete:
        for offset in range(rewind.start, begin + len(log)):
            if rewind.wants(offset):
                offsets.append(offset)
                rewind.seen(offset, live=log[offset - begin] == "l")
        assert rewind.complete
        if not rewind.step():
            break
    return offsets, rewind.satisfied


def test_live_picture_at_the_end_is_one_record_back() -> None:
    assert looked_at("bbbbbbl", begin=500) == ([506], True)


def test_backlog_at_the_end_is_stepped_over() -> None:
    assert looked_at("blbb") == ([3, 0, 1, 2], True)


def test_unreadable_record_is_stepped_over() -> None:
    assert looked_at("llx") == ([2, 0, 1], True)


def test_no_more_than_thirty_two_are_looked_at() -> None:
    offsets, satisfied = looked_at("l" + "b" * 40)

    assert (len(offsets), min(offsets), satisfied) == (32, 9, False)


def test_short_log_is_looked_at_whole() -> None:
    offsets, satisfied = looked_at("bbb", begin=7)

    assert (sorted(offsets), satisfied) == ([7, 8, 9], False)


def test_empty_log_needs_no_look() -> None:
    assert looked_at("") == ([], True)


@given(st.text("lbx", max_size=50), st.integers(0, 10**12))
def test_no_record_is_looked_at_twice_and_the_last_live_one_is_found(log: str, begin: int) -> None:
    offsets, satisfied = looked_at(log, begin)

    assert len(offsets) == len(set(offsets)) <= 32
    assert satisfied is (not log or "l" in log[-32:])
    if "l" in log[-32:]:
        assert begin + log.rindex("l") in offsets
