"""A viewer with no cameras behind it: it serves the real pages and says what it is told to say.

It keeps the server's side of the bargain at ``/api/live`` (see ``Client``) and notes what browsers ask for. Run it to
look at the pages: ``python -m viewer.pages.look --cameras 40`` from ``tests/``.
"""

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse

from shutterbus_viewer.show import static_files
from shutterbus_viewer.show.early_script import SOURCE
from shutterbus_viewer.show.first_camera import ENROLL
from shutterbus_viewer.show.not_found import no_camera
from viewer.pages.fake_past import FakePast, past_routes
from viewer.pages.scenes import frame_id, scene, thumbnail

POLICY = (
    f"default-src 'none'; script-src 'self' {SOURCE}; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


SLICES, SLICE_US = 96, 900_000_000


def now_us() -> int:
    return time.time_ns() // 1000


@dataclass
class Place:
    """A camera that is not there: what the viewer would know of it, and its newest picture."""

    name: str
    seed: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    jpeg: bytes = b""
    number: int = 0

    def told(self) -> dict[str, Any]:
        return {
            "id": self.name,
            "online": True,
            "since_us": None,
            "heard_at_us": None,
            "reported_at_us": None,
            "outage": None,
            "title": None,
            "expected_interval_s": None,
            "version": "0.1.0",
            "source": "testcard",
            "schedule": "every 1 s",
            "picture": None,
            "frames_per_second": 0.0,
            "held": None,
            "counters": None,
            "readings": [],
            "problems": [],
            "zone": None,
        } | self.state


@dataclass
class Client:
    """A browser: at most one picture of each camera is under way to it, and the next one is the newest there is."""

    socket: WebSocket
    watched: dict[str, int] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    last: dict[str, tuple[str, int]] = field(default_factory=dict)


class FakeViewer:
    """Everything public may be called from any thread."""

    def __init__(self) -> None:
        self.forget()
        self._clients: list[Client] = []
        self._changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop
        self.url = ""

    # What a test or a person does to it

    def forget(self) -> None:
        """Begin anew: no cameras, and nothing noted."""
        self.places: dict[str, Place] = {}
        self.watches: list[dict[str, int]] = []
        self.acks: list[tuple[str, str]] = []
        self.posts: list[tuple[str, dict[str, str]]] = []
        self.login_message = ""
        self.login_name = ""
        self.signed_in = True
        self.full = ""  # why a connection is closed at once
        self.problems: list[str] = []
        self.outages: list[dict[str, Any]] = []
        self.archived: list[dict[str, Any]] = []
        self.past = FakePast()
        self.has_archive = True
        self.kept: dict[str, list[int]] = {}  # frames of each quarter of an hour of a day
        self.counts = 0  # how often that was asked for
        self.groups: list[dict[str, Any]] = []
        self.may_edit = False
        self.frames: dict[str, bytes] = {}
        self.refuse = False  # every connection to /api/live
        self.clock_us: Callable[[], int] = now_us

    @contextlib.contextmanager
    def running(self, port: int = 0) -> Iterator["FakeViewer"]:
        with socket.create_server(("127.0.0.1", port)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            server = uvicorn.Server(
                uvicorn.Config(
                    self._app(),
                    log_level="warning",
                    ws="websockets-sansio",
                    ws_per_message_deflate=False,
                    timeout_graceful_shutdown=1,
                )
            )
            thread = threading.Thread(target=server.run, args=([listener],), name="fake viewer")
            thread.start()
            try:
                self.until(lambda: server.started)
                yield self
            finally:
                server.should_exit = True
                thread.join()

    def until(self, holds: Callable[[], bool], timeout_s: float = 10) -> None:
        """Wait until *holds*; asked again at every message from a browser."""
        with self._changed:
            end = time.monotonic() + timeout_s
            while not holds():
                assert time.monotonic() < end, (
                    f"waited in vain; watches {self.watches[-3:]}, acks {self.acks[-3:]}"
                )
                self._changed.wait(0.05)

    def first_us(self) -> int:
        """Return where the first of the quarters of ``kept`` begins."""
        return (self.clock_us() // SLICE_US + 1 - SLICES) * SLICE_US

    def tell(self, name: str, **state: Any) -> None:
        """Make a camera known, or something new about it."""
        place = self.place(name)
        place.state |= state
        self._say({"type": "camera", "camera": place.told()})

    def shoot(
        self, name: str, *, age_s: float = 0, jpeg: bytes | None = None, force: bool = False, **facts: Any
    ) -> str:
        """Let a picture arrive that is *age_s* old; return its id. *force* sends it though the last is unanswered."""
        place = self.place(name)
        place.number += 1
        place.jpeg = scene(640, 360, place.seed, place.number) if jpeg is None else jpeg
        now = self.clock_us()
        picture = {
            "id": frame_id(place.seed, place.number),
            "captured_at_us": now - round(age_s * 1e6),
            "captured_at_source": "sensor",
            "clock_synced": True,
            "arrived_at_us": now,
            "width": 640,
            "height": 360,
            "bytes": len(place.jpeg),
            "content_type": "image/jpeg",
            "lane": "live",
            "metadata": {},
        } | facts
        self.frames[str(picture["id"])] = place.jpeg
        new = place.state.get("picture") is None
        place.state["picture"] = picture
        if new:
            self._say({"type": "camera", "camera": place.told()})
        asyncio.run_coroutine_threadsafe(self._pump(name, force=force), self._loop).result()
        self._say({"type": "pictures", "pictures": [{"camera": name, **picture}]}, unless_watched=name)
        return str(picture["id"])

    def read(self, camera: str, **reading: Any) -> None:
        """Let a reading arrive."""
        self._say({"type": "reading", "camera": camera, "reading": reading})

    def outage(self, sentence: str, *, for_s: float = 0) -> None:
        """Let the broker of all cameras be away *for_s* already, or without a *sentence* come back."""
        last = self.outages[-1:]
        self.outages = (
            [{"sentence": sentence, "since_us": self.clock_us() - round(for_s * 1e6)}] if sentence else []
        )
        self._say({"type": "outages", "outages": self.outages})
        for name in self.places:
            since_us = (self.outages or last)[0]["since_us"]
            self.tell(name, outage={"since_us": since_us, "until_us": None if sentence else self.clock_us()})

    def hang_up(self) -> None:
        """Close every connection, as a server that is restarted does."""

        async def close() -> None:
            for client in list(self._clients):
                await client.socket.close(1012)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()

    # The server

    def place(self, name: str) -> Place:
        return self.places.setdefault(name, Place(name, seed=len(self.places)))

    def _say(self, message: dict[str, Any], *, unless_watched: str = "") -> None:
        asyncio.run_coroutine_threadsafe(self._tell_all(message, unless_watched), self._loop).result()

    async def _tell_all(self, message: dict[str, Any], unless_watched: str) -> None:
        text = json.dumps({"now_us": self.clock_us(), **message})
        for client in list(self._clients):
            if unless_watched in client.watched:
                continue
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it left meanwhile
                await client.socket.send_text(text)

    async def _pump(self, name: str, *, force: bool = False) -> None:
        for client in list(self._clients):
            await self._send(client, name, force=force)

    async def _send(self, client: Client, name: str, *, force: bool = False) -> None:
        place = self.places.get(name)
        if place is None or name not in client.watched or not place.jpeg:
            return
        picture, width = place.state["picture"], client.watched[name]
        if not force and (name in client.unanswered or client.last.get(name) == (picture["id"], width)):
            return
        client.unanswered.add(name)
        client.last[name] = (picture["id"], width)
        header = json.dumps({"camera": name, **picture, "now_us": self.clock_us()}).encode()
        body = thumbnail(place.jpeg, width) if place.jpeg.startswith(b"\xff\xd8\xff") else place.jpeg
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await client.socket.send_bytes(struct.pack(">BH", 1, len(header)) + header + body)

    async def _live(self, socket: WebSocket) -> None:
        if self.refuse or not self.signed_in:
            await socket.close()
            return
        await socket.accept()
        if self.full:
            await socket.close(1013, self.full)
            return
        client = Client(socket)
        cameras = [place.told() for place in self.places.values()]
        await socket.send_json(
            {"type": "cameras", "now_us": self.clock_us(), "cameras": cameras, "outages": self.outages}
        )
        self._clients.append(client)
        try:
            while True:
                await self._heard(client, await socket.receive_json())
        except WebSocketDisconnect:
            pass
        finally:
            self._clients.remove(client)
            self._note()

    async def _heard(self, client: Client, message: dict[str, Any]) -> None:
        if message["type"] == "watch":
            client.watched = {name: wish["width"] for name, wish in message["cameras"].items()}
            client.unanswered &= set(client.watched)
            client.last = {name: sent for name, sent in client.last.items() if name in client.watched}
            self.watches.append(client.watched)
            for name in client.watched:
                await self._send(client, name)
        else:
            self.acks.append((message["camera"], message["id"]))
            client.unanswered.discard(message["camera"])
            await self._send(client, message["camera"])
        self._note()

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def connected(self) -> int:
        return len(self._clients)

    def _app(self) -> FastAPI:
        @contextlib.asynccontextmanager
        async def lifespan(_app: FastAPI) -> Any:
            self._loop = asyncio.get_running_loop()
            yield

        app = FastAPI(lifespan=lifespan)

        @app.middleware("http")
        async def headers(request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            response.headers["content-security-policy"] = POLICY
            response.headers["cache-control"] = "no-store"
            return response

        def page(name: str, **values: str) -> HTMLResponse:
            text = static_files.page(name)
            for placeholder, value in {"csrf": "token-of-the-fake", **values}.items():
                text = text.replace(f"{{{{{placeholder}}}}}", value)
            return HTMLResponse(text)

        @app.post("/login")
        @app.post("/logout")
        async def post(request: Request) -> HTMLResponse:
            form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
            self.posts.append((request.url.path, form))
            self._note()
            return page("login.html", message=self.login_message, username=self.login_name, kiosk="")

        @app.get("/")
        async def wall() -> HTMLResponse:
            return page("index.html", archive="yes" if self.has_archive else "no", **asdict(ENROLL))

        @app.get("/api/groups")
        async def groups() -> JSONResponse:
            return JSONResponse({"groups": self.groups, "may_edit": self.may_edit})

        @app.put("/api/groups/{name}")
        async def save_group(name: str, request: Request) -> JSONResponse:
            members = (await request.json())["members"]
            if name == "refused":
                return JSONResponse({"detail": "'refused' is no name for a group"}, 422)
            self.groups = [group for group in self.groups if group["name"] != name]
            self.groups.append({"name": name, "members": members, "fixed": False})
            return JSONResponse(self.groups[-1])

        @app.delete("/api/groups/{name}")
        async def remove_group(name: str) -> Response:
            self.groups = [group for group in self.groups if group["name"] != name]
            return Response(status_code=204)

        @app.get("/api/buckets")
        async def buckets(hours: int, slices: int) -> JSONResponse:
            assert (hours, slices) == (24, SLICES)
            self.counts += 1
            self._note()
            return JSONResponse({"start_us": self.first_us(), "slice_us": SLICE_US, "cameras": self.kept})

        @app.get("/cameras/{name}")
        async def camera(name: str) -> HTMLResponse:
            return page("camera.html", camera=name) if name in self.places else no_camera(name, self.places)

        @app.get("/api/cameras/{name}")
        async def state(name: str) -> JSONResponse:
            return JSONResponse({}, 200 if name in self.places else 404)

        app.get("/api/archive")(
            lambda camera: {
                "problem": self.past.problem,
                "cameras": [kept for kept in self.archived if kept["id"] == camera]
                or self.past.extent(camera),
            }
        )
        app.get("/login")(
            lambda: page("login.html", message=self.login_message, username=self.login_name, kiosk="")
        )
        app.get("/api/cameras")(
            lambda: JSONResponse({"problems": self.problems}, status_code=200 if self.signed_in else 401)
        )
        app.get("/api/cameras/{name}/latest.jpg")(
            lambda name: Response(self.places[name].jpeg, media_type="image/jpeg")
        )

        @app.get("/api/cameras/{name}/frames/{frame}.jpg")
        async def one_frame(name: str, frame: str, width: int = 0) -> Response:
            jpeg = self.frames.get(frame) if name in self.places else None
            return Response(jpeg or self.past.jpeg(name, frame, width), media_type="image/jpeg")

        app.include_router(
            past_routes(lambda: self.past, lambda name: self.place(name).state.get("zone") or "UTC")
        )

        app.websocket("/api/live")(self._live)
        app.include_router(static_files.router)
        return app
