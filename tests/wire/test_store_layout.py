"""Where a frame lies follows from what it is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire.identity import SEQ_MAX, FrameId
from shutterbus_wire.store_layout import AHEAD_MAX_US, FILED_FROM_US, FrameKey, filed_at_us, parse

EPOCH = "9f2c4e1a77b0d3c5"
AT_US = int(datetime(2026, 11, 27, 22, 4, 0, 123_456, UTC).timestamp() * 1e6)
KEY = f"frames/camera=gate/date=2026-11-27/hour=22/20261127T220400.123456Z_{EPOCH}-118.jpg"


def test_name_says_camera_day_hour_instant_and_id() -> None:
    assert str(FrameKey("gate", FrameId(EPOCH, 118), AT_US)) == KEY


keys = st.builds(
    FrameKey,
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,47}", fullmatch=True),
    st.builds(FrameId, st.from_regex(r"[0-9a-f]{16}", fullmatch=True), st.integers(0, SEQ_MAX)),
    st.integers(FILED_FROM_US, 253_402_300_799_999_999),
    st.sampled_from(["image/jpeg", "image/png"]),
)


@given(keys)
def test_every_name_is_read_back_as_the_frame_it_names(key: FrameKey) -> None:
    assert parse(str(key)) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "frames/notes.txt",
        KEY.replace("gate", "Gate"),
        KEY.replace("hour=22", "hour=23"),
        KEY.replace("-118", "-0118"),
        KEY.replace("-118", "-99999999999999999999"),
        KEY.replace("2026-11-27", "2026-02-30"),
        KEY.replace(".jpg", ".gif"),
        KEY + "/..",
    ],
)
def test_what_is_no_name_of_ours_is_nobodys(key: str) -> None:
    assert parse(key) is None


@given(st.text(max_size=120))
def test_any_text_is_a_name_or_not(text: str) -> None:
    parsed = parse(text)
    assert parsed is None or str(parsed) == text


@pytest.mark.parametrize(
    ("captured_us", "filed_us"),
    [(AT_US, AT_US), (FILED_FROM_US, FILED_FROM_US), (0, AT_US), (AT_US + AHEAD_MAX_US + 1, AT_US)],
)
def test_frame_of_a_clock_that_cannot_be_right_is_filed_by_its_arrival(
    captured_us: int, filed_us: int
) -> None:
    """A Pi without a clock would fill 1970, and retention by age would empty it the same night."""
    assert filed_at_us(captured_us, AT_US) == filed_us
