"""What the maker cannot make is answered so that a client knows what to do."""

import asyncio

import pytest
from fastapi import HTTPException

from shutterbus_viewer.errors import (
    ArchiveUnreadableError,
    FrameGoneError,
    MakerUnavailableError,
    TooManyError,
    UndrawableError,
    ViewerError,
)
from shutterbus_viewer.show.making import made


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (FrameGoneError, 410, False),
        (UndrawableError, 502, False),
        (ArchiveUnreadableError, 503, True),
        (MakerUnavailableError, 503, True),
        (TooManyError, 503, True),
    ],
)
def test_each_failure_has_its_status_and_its_sentence(
    error: type[ViewerError], status: int, retry: bool
) -> None:
    async def fails() -> bytes:
        raise error("the sentence")

    with pytest.raises(HTTPException) as raised:
        asyncio.run(made(fails()))

    assert (raised.value.status_code, raised.value.detail) == (status, "the sentence")
    assert bool(raised.value.headers) == retry


def test_what_can_be_made_is_returned() -> None:
    async def works() -> bytes:
        return b"sheet"

    assert asyncio.run(made(works())) == b"sheet"
