"""What every camera promises, whatever it is made of. Plain functions, so that they also run where there is no pytest."""

import contextlib
import json
import time
from collections.abc import Callable

from shutterbus_edge.capture import Camera, Shot
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_wire.jpeg import check_whole, size_px

Opener = Callable[[CaptureSettings], Camera]


def pictures_are_whole_jpegs_of_the_size_it_says(opener: Opener) -> None:
    """From start to end mark, one after the other."""
    with contextlib.closing(opener(CaptureSettings())) as camera:
        for index in range(3):
            picture = camera.capture(Shot(0))
            check_whole(picture.jpeg)
            assert picture.jpeg.startswith(b"\xff\xd8\xff")
            assert picture.jpeg.endswith(b"\xff\xd9")
            assert index or size_px(picture.jpeg) == camera.size_px


def pictures_are_of_now(opener: Opener) -> None:
    """A time that is that of sending, or of the picture before, would put every archive wrong."""
    with contextlib.closing(opener(CaptureSettings())) as camera:
        camera.capture(Shot(0))
        before_us = time.time_ns() // 1000
        picture = camera.capture(Shot(0))
        after_us = time.time_ns() // 1000
        assert before_us - 400_000 <= picture.captured_at_us <= after_us + 1000
        assert picture.captured_at_source in {"sensor", "driver", "arrival"}


def what_it_knows_is_small_and_json(opener: Opener) -> None:
    """It travels inside every picture."""
    with contextlib.closing(opener(CaptureSettings())) as camera:
        camera_metadata = dict(camera.capture(Shot(0)).camera_metadata)
        assert json.loads(json.dumps(camera_metadata, allow_nan=False)) == camera_metadata
        assert len(json.dumps(camera_metadata)) < 4000


def it_says_which_settings_it_applies(opener: Opener) -> None:
    """The others are named to the user; a name that is no setting would hide one."""
    with contextlib.closing(opener(CaptureSettings())) as camera:
        assert camera.applied <= set(CaptureSettings.model_fields)
        assert {"rotation", "hflip", "vflip", "framerate"} <= camera.applied
        assert camera.description


def quality_is_applied_where_it_encodes(opener: Opener) -> None:
    """And not pretended where it does not."""
    sizes = []
    for quality in (20, 95):
        with contextlib.closing(opener(CaptureSettings(quality=quality))) as camera:
            if "quality" not in camera.applied:
                return
            sizes.append(len(camera.capture(Shot(0)).jpeg))
    assert sizes[0] < 0.7 * sizes[1]


def the_size_limit_is_met_where_it_encodes(opener: Opener) -> None:
    """The broker would refuse a larger picture."""
    with contextlib.closing(opener(CaptureSettings())) as camera:
        free = len(camera.capture(Shot(0)).jpeg)
        limited = [len(camera.capture(Shot(0, free // 3)).jpeg) for _ in range(3)]
        if "quality" in camera.applied:
            assert max(limited) <= free // 3
            assert len(camera.capture(Shot(0)).jpeg) > free // 2, "the limit is forgotten when it is gone"


def a_quarter_turn_is_in_the_pixels_or_in_the_orientation(opener: Opener) -> None:
    """A camera screwed on sideways."""
    with contextlib.closing(opener(CaptureSettings())) as camera:
        upright = camera.size_px
    with contextlib.closing(opener(CaptureSettings(rotation=90))) as camera:
        picture = camera.capture(Shot(0))
        if picture.orientation is None:
            assert camera.size_px == upright[::-1] == size_px(picture.jpeg)
        else:
            assert picture.orientation == 6
            assert camera.size_px == upright == size_px(picture.jpeg)


def a_size_is_obeyed_where_it_can_be(opener: Opener) -> None:
    """Within the size asked for, proportions kept."""
    with contextlib.closing(opener(CaptureSettings(size_px=(320, 240)))) as camera:
        picture = camera.capture(Shot(0))
        if "size_px" in camera.applied and not camera.notes:
            width, height = size_px(picture.jpeg)
            assert 0 < width <= 320
            assert 0 < height <= 240


def it_can_be_opened_again_once_closed(opener: Opener) -> None:
    """As it is after every failure."""
    for _ in range(2):
        with contextlib.closing(opener(CaptureSettings())) as camera:
            camera.capture(Shot(0))


PROMISES: dict[str, Callable[[Opener], None]] = {
    promise.__name__: promise
    for promise in (
        pictures_are_whole_jpegs_of_the_size_it_says,
        pictures_are_of_now,
        what_it_knows_is_small_and_json,
        it_says_which_settings_it_applies,
        quality_is_applied_where_it_encodes,
        the_size_limit_is_met_where_it_encodes,
        a_quarter_turn_is_in_the_pixels_or_in_the_orientation,
        a_size_is_obeyed_where_it_can_be,
        it_can_be_opened_again_once_closed,
    )
}
