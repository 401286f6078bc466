"""What the maker cannot make, as answers."""

from collections.abc import Awaitable
from typing import TypeVar

from fastapi import HTTPException

from shutterbus_viewer.errors import (
    ArchiveUnreadableError,
    FrameGoneError,
    MakerUnavailableError,
    TooManyError,
    UndrawableError,
)

Made = TypeVar("Made")


async def made(making: Awaitable[Made]) -> Made:
    """Return what is *making*; raise HTTPException where it cannot be made."""
    try:
        return await making
    except FrameGoneError as error:
        raise HTTPException(410, str(error)) from error
    except UndrawableError as error:
        raise HTTPException(502, str(error)) from error
    except (ArchiveUnreadableError, MakerUnavailableError, TooManyError) as error:
        raise HTTPException(503, str(error), {"Retry-After": "1"}) from error
