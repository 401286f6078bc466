"""The MJPEG stream, without a server: what is sent, and when it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request

from fakes import FakeClock
from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.show import mjpeg
from shutterbus_viewer.show.access import Principal
from shutterbus_viewer.show.mjpeg import MjpegResponse
from shutterbus_viewer.show.services import Caps
from viewer.fakes_viewer import make_services, picture

HEADER = b"--shutterbus\r\nContent-Type: image/jpeg\r\n\r\n"


class Player:
    """Whoever watches the stream. ``sent`` is what reached it."""

    def __init__(self, *, streams_per_user: int = 4) -> None:
        clock = FakeClock()
        self.cameras = Cameras(clock)
        self.cameras.changes.attach()
        self.caps = Caps(streams_per_user)
        self.services = replace(make_services(self.cameras, clock), caps=self.caps)
        self.sent = b""
        self.start: dict[str, Any] = {}
        self.stuck = asyncio.Event()
        self.gone = asyncio.Event()
        self.logged_in = True

    def play(self) -> asyncio.Task[None]:
        state = {"principal": Principal("admin", Role.ADMIN), "still_valid": lambda: self.logged_in}
        scope = {"type": "http", "headers": [], "state": state}
        response = MjpegResponse(self.services, Request(scope), "gate", 0)
        return asyncio.create_task(response(scope, self._receive, self._send))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if self.stuck.is_set():
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.sent += message["body"]


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scene()

    asyncio.run(run())


def test_header_of_the_next_part_follows_each_picture_at_once() -> None:
    """Without it Chrome shows every picture one period late."""

    async def scene() -> None:
        player = Player()
        player.cameras.show(picture(0), "kafka")
        playing = player.play()
        await player.settle()
        first = picture(0).frame.data
        assert player.sent == HEADER + first + b"\r\n" + HEADER

        player.cameras.show(picture(1), "kafka")
        await player.settle()
        assert player.sent.endswith(picture(1).frame.data + b"\r\n" + HEADER)
        player.gone.set()
        await playing

    play(scene)


def test_it_says_what_it_is() -> None:
    async def scene() -> None:
        player = Player()
        playing = player.play()
        await player.settle()
        headers = dict(player.start["headers"])
        assert headers[b"content-type"] == b"multipart/x-mixed-replace; boundary=shutterbus"
        assert b"content-length" not in headers
        player.gone.set()
        await playing

    play(scene)


def test_slow_player_skips_to_the_newest() -> None:
    async def scene() -> None:
        player = Player()
        player.cameras.show(picture(0), "kafka")
        playing = player.play()
        await player.settle()
        for seq in range(1, 10):
            player.cameras.show(picture(seq), "kafka")
        await player.settle()
        assert player.sent.count(HEADER) == 3
        assert picture(9).frame.data in player.sent
        player.gone.set()
        await playing

    play(scene)


def test_place_is_free_again_when_the_player_goes() -> None:
    async def scene() -> None:
        player = Player(streams_per_user=1)
        playing = player.play()
        await player.settle()
        assert player.caps.streams == {"admin": 1}
        await player.play()  # refused at once
        assert player.start["status"] == 429
        player.gone.set()
        await playing
        assert player.caps.streams == {}

    play(scene)


def test_player_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "WRITE_S", 0.02)

    async def scene() -> None:
        player = Player()
        playing = player.play()
        await player.settle()
        player.stuck.set()
        player.cameras.show(picture(0), "kafka")
        await asyncio.wait_for(playing, 5)
        assert player.caps.streams == {}

    play(scene)


def test_stream_ends_with_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "LOGIN_CHECK_S", 0.02)

    async def scene() -> None:
        player = Player()
        playing = player.play()
        await player.settle()
        player.logged_in = False
        await asyncio.wait_for(playing, 5)

    play(scene)
