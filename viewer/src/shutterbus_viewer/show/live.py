"""The one connection of a page: every camera it shows, multiplexed over a WebSocket.

From the page, JSON as text::

    {"type":"watch","cameras":{"gate":{"width":320}}}      the whole set; width in pixels, 0 for the original
    {"type":"ack","camera":"gate","id":"<frame id>"}       drawn; only then does that camera's next one come

To the page, JSON as text, each with ``type`` and ``now_us``: ``cameras`` (first, with every camera's state and the
outages of brokers that last), ``outages`` (those that last now), ``camera`` (one state, at most once a second each),
``reading``, ``pictures`` (facts of newer pictures that are not watched), ``time`` (when there was nothing else to say
for 15 s). And binary, a picture: version (1 byte, 1), length of the header (2 bytes, big-endian), header (JSON: camera,
id, times, size of the original, ...), JPEG.
"""

import asyncio
import json
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from shutterbus_viewer.errors import TooManyError
from shutterbus_viewer.show.client import Client
from shutterbus_viewer.show.services import Services, get_principal, get_services
from shutterbus_viewer.show.thumbnails import WIDTH_MAX_PX
from shutterbus_viewer.show.wait_first import wait_first
from shutterbus_wire.errors import IdentityError
from shutterbus_wire.identity import check_camera

router = APIRouter()

WATCHED_MAX = 5_000
WRITE_S = 60.0
"""How long a client may take for what was sent before; a slower one is dropped, and may come back."""

LOGIN_CHECK_S = 30.0
POLICY_VIOLATION = 1008
TRY_LATER = 1013


class UnreadableError(ValueError):
    """A client sent what is not in the protocol. End its connection."""


@router.websocket("/api/live")
async def live(socket: WebSocket) -> None:
    """Pictures and states as they come."""
    services = get_services(socket)
    try:
        with services.caps.live(socket.state.principal.user):
            await socket.accept()
            await _serve(socket, services)
    except TooManyError as error:
        await socket.accept()
        await socket.close(TRY_LATER, str(error)[:120])


async def _serve(socket: WebSocket, services: Services) -> None:
    may_see = get_principal(socket).may_see
    client = Client(
        services.cameras, services.states, services.thumbnails, services.on_screen, services.clock, may_see
    )
    deaf = services.cameras.changes.listen(client.changed)
    try:
        ended = await wait_first(_send(socket, client), _receive(socket, client), _stay_logged_in(socket))
    finally:
        deaf()
    match ended:
        case None:
            await socket.close(POLICY_VIOLATION, "log in again")
        case UnreadableError():
            await socket.close(POLICY_VIOLATION, str(ended)[:120])
        case (
            TimeoutError() | WebSocketDisconnect() | RuntimeError()
        ):  # RuntimeError: sent after the other side closed
            return
        case _:
            raise ended


async def _send(socket: WebSocket, client: Client) -> None:
    while True:
        message = await client.next()
        async with asyncio.timeout(WRITE_S):
            if isinstance(message, str):
                await socket.send_text(message)
            else:
                await socket.send_bytes(message)


async def _receive(socket: WebSocket, client: Client) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code") or 1005)
        _obey(client, message.get("text") or "")


def _obey(client: Client, text: str) -> None:
    try:
        message = json.loads(text)
        match message:
            case {"type": "watch", "cameras": dict() as cameras} if len(cameras) <= WATCHED_MAX:
                client.watch({check_camera(name): _width(asked) for name, asked in cameras.items()})
            case {"type": "ack", "camera": str() as camera, "id": str() as picture_id}:
                client.acknowledge(camera, picture_id)
            case _:
                raise UnreadableError("watch or ack is expected")
    except (json.JSONDecodeError, RecursionError, IdentityError) as error:
        raise UnreadableError(f"cannot be read: {error}") from error


def _width(asked: Any) -> int:
    match asked:
        case {"width": int() as width} if 0 <= width <= WIDTH_MAX_PX:
            return width
        case _:
            raise UnreadableError(f"a width from 0 to {WIDTH_MAX_PX} is expected")


async def _stay_logged_in(socket: WebSocket) -> None:
    """Return when the login that opened the connection has ended."""
    while socket.state.still_valid():  # noqa: ASYNC110  # a login ends by the clock, of which no event tells
        await asyncio.sleep(LOGIN_CHECK_S)
