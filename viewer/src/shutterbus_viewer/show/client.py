"""What one browser is told next: never more than it can take, and always the newest.

At most one picture per camera is on its way; the browser acknowledges after drawing. Newest wins within a
camera, cameras take turns. Everything kept here for a client is a name of a camera or a bounded handful of
readings, so a client that stops reading costs nothing but its turn.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.changes import Change
from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.show.frames_on_screen import FramesOnScreen
from shutterbus_viewer.show.state_texts import StateTexts, encode, joined
from shutterbus_viewer.show.thumbnails import Thumbnail, Thumbnails
from shutterbus_wire.telemetry import Reading

VERSION = 1
HEADER_ROOM_BYTES = 0xFFFF - 20
"""Its length has two bytes."""

COMING = "coming"
"""In place of the id of a picture that is being scaled: which one it will be is not known yet."""

STATE_INTERVAL_S = 1.0
"""Between two states of one camera."""

FACTS_INTERVAL_S = 2.0
"""Between two messages about pictures that are not watched; their ages are counted all the same."""

BEAT_S = 15.0
READINGS_HELD = 256
FEW = 4
"""A client that watches no more than this many cameras shows them large, with all their readings."""

WORTH_SCALING = 1.5
"""A picture less than this many times as wide as its place is passed on as it is: scaling it would save not much more
than half of its bytes, and cost a decoding, an encoding and their time before anyone sees it."""


class Client:
    """Only on the loop. ``next`` is for one task, the rest for the one who hears of something."""

    def __init__(
        self,
        cameras: Cameras,
        states: StateTexts,
        thumbnails: Thumbnails,
        on_screen: FramesOnScreen,
        clock: Clock,
        may_see: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._cameras = cameras
        self._texts = states
        self._may_see = may_see
        self._thumbnails = thumbnails
        self._frames = on_screen
        self._on_screen: deque[LatestFrame] = deque(maxlen=2)
        self._clock = clock
        self._wake = asyncio.Event()
        self._greeted = False
        self._text_first = False
        self._beat_due_s = clock.monotonic_s() + BEAT_S
        self._watched: dict[str, int] = {}
        self._ready: dict[str, None] = {}
        self._sent: dict[str, str] = {}
        self._unacknowledged: dict[str, str] = {}
        self._outages = False
        self._states: dict[str, None] = {}
        self._state_sent_s: dict[str, float] = {}
        self._facts: dict[str, None] = {}
        self._facts_due_s = 0.0
        self._readings: deque[tuple[str, dict[str, Any]]] = deque(maxlen=READINGS_HELD)

    def changed(self, change: Change) -> None:
        """Hear of what is newer."""
        for camera in filter(self._may_see, change.pictures):
            (self._ready if camera in self._watched else self._facts)[camera] = None
        self._outages |= change.outages
        self._states.update(dict.fromkeys(filter(self._may_see, change.states)))
        for reading in change.readings:
            if self._may_see(reading.camera):
                self._readings.extend(_values(reading))
        self._wake.set()

    def watch(self, wanted: Mapping[str, int]) -> None:
        """Watch exactly these cameras, at these widths in pixels (0: the original)."""
        wanted = {camera: width_px for camera, width_px in wanted.items() if self._may_see(camera)}
        new = [camera for camera, width_px in wanted.items() if self._watched.get(camera) != width_px]
        for camera in self._watched.keys() - wanted.keys():
            # A page that stops watching need not acknowledge any more.
            self._unacknowledged.pop(camera, None)
            self._ready.pop(camera, None)
            self._sent.pop(camera, None)
        for camera in new:
            self._sent.pop(camera, None)  # the newest again, at its new width
        self._watched = wanted
        if len(wanted) > 1:
            self._on_screen.clear()  # not the page of one camera any more
        self._ready.update(dict.fromkeys(new))
        if len(wanted) <= FEW:
            self._states.update(dict.fromkeys(new))
        self._wake.set()

    def acknowledge(self, camera: str, picture_id: str) -> None:
        """Note that *picture_id* was drawn; anything else is ignored."""
        if self._unacknowledged.get(camera) == picture_id:
            del self._unacknowledged[camera]
            while len(self._on_screen) > 1 and self._on_screen[0].id != picture_id:
                self._on_screen.popleft()
            self._wake.set()

    async def next(self) -> str | bytes:
        """Return the next message, text or binary; wait until there is one."""
        while True:
            self._wake.clear()
            self._text_first = not self._text_first
            if self._text_first:
                message = self._text() or await self._picture()
            else:
                message = await self._picture() or self._text()
            if message is not None:
                return message
            with suppress(TimeoutError):
                # Not wait_for: in Python 3.11 it loses a cancellation that comes with what it waits for.
                async with asyncio.timeout(self._next_due_s() - self._clock.monotonic_s()):
                    await self._wake.wait()

    def _text(self) -> str | None:
        now_s = self._clock.monotonic_s()
        if not self._greeted:
            self._greeted = True
            texts = map(self._texts.brief, filter(self._may_see, self._cameras.ids()))
            return self._say(
                "cameras", cameras=joined(text for text in texts if text), outages=self._texts.outages()
            )
        if self._outages:
            self._outages = False
            return self._say("outages", outages=self._texts.outages())
        if self._readings:
            camera, reading = self._readings.popleft()
            return self._say("reading", camera=encode(camera), reading=encode(reading))
        for camera in self._states:
            if now_s >= self._state_sent_s.get(camera, -STATE_INTERVAL_S) + STATE_INTERVAL_S:
                del self._states[camera]
                self._state_sent_s[camera] = now_s
                large = camera in self._watched and len(self._watched) <= FEW
                state = self._texts.full(camera) if large else self._texts.brief(camera)
                return self._say("camera", camera=state) if state else None
        if self._facts and now_s >= self._facts_due_s:
            return self._say_facts(now_s)
        return self._say("time") if now_s >= self._beat_due_s else None

    def _say_facts(self, now_s: float) -> str:
        self._facts_due_s = now_s + FACTS_INTERVAL_S
        newest = [self._cameras.picture(camera) for camera in self._facts]
        self._facts.clear()
        metadata = (f'{{{self._texts.picture(picture)[0]},"metadata":{{}}}}' for picture in newest if picture)
        return self._say("pictures", pictures=joined(metadata))

    def _say(self, kind: str, **members: str) -> str:
        """Return a message; the *members* are JSON."""
        self._beat_due_s = self._clock.monotonic_s() + BEAT_S
        rest = "".join(f',"{name}":{value}' for name, value in members.items())
        return f'{{"type":"{kind}","now_us":{self._clock.utc_us()}{rest}}}'

    async def _picture(self) -> bytes | None:
        while camera := next((name for name in self._ready if name not in self._unacknowledged), None):
            del self._ready[camera]
            newest = self._cameras.picture(camera)
            if newest is None or newest.id == self._sent.get(camera):
                continue
            self._unacknowledged[camera] = COMING
            width_px = self._watched[camera]
            thumbnail = await self._thumbnail(newest, width_px)
            if self._unacknowledged.get(camera) != COMING:  # not watched any more
                continue
            self._unacknowledged[camera] = thumbnail.picture.id
            if self._watched[camera] == width_px:
                self._sent[camera] = thumbnail.picture.id
            self._hold(thumbnail.picture)
            return self._binary(thumbnail)
        return None

    def _hold(self, picture: LatestFrame) -> None:
        """Hold what the page of one camera shows, whole, until a newer one is drawn there: it may be paused, and saved."""
        if len(self._watched) == 1:
            self._on_screen.append(picture)
            self._frames.note(picture)

    async def _thumbnail(self, picture: LatestFrame, width_px: int) -> Thumbnail:
        worth_scaling = picture.width_px >= WORTH_SCALING * width_px or picture.frame.header.rarity
        try:
            thumbnail = await self._thumbnails.jpeg(picture.camera, width_px if worth_scaling else 0)
        except UndrawableError as error:
            self._cameras.trouble(picture.camera, "undrawable", str(error))
        else:
            if thumbnail:
                return thumbnail
        # A browser may still make something of it, and says so if not.
        return Thumbnail(picture, picture.frame.data if picture.frame.content_type == "image/jpeg" else b"")

    def _binary(self, thumbnail: Thumbnail) -> bytes:
        metadata, camera_metadata = self._texts.picture(thumbnail.picture)
        # Of a PNG too, which is what "content_type" says of the original.
        rest = f'"content_type":"image/jpeg","now_us":{self._clock.utc_us()}'
        if len(metadata) + len(camera_metadata) + len(rest) > HEADER_ROOM_BYTES:
            camera_metadata = "{}"
        head = f'{{{metadata},"metadata":{camera_metadata},{rest}}}'.encode()
        return b"".join((bytes([VERSION]), len(head).to_bytes(2), head, thumbnail.jpeg))

    def _next_due_s(self) -> float:
        due_s = self._beat_due_s
        if self._facts:
            due_s = min(due_s, self._facts_due_s)
        for camera in self._states:
            due_s = min(due_s, self._state_sent_s.get(camera, 0.0) + STATE_INTERVAL_S)
        return due_s


def _values(reading: Reading) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in reading.values.items():
        unit = reading.units.get(name, "")
        yield (
            reading.camera,
            {"sensor": reading.sensor, "name": name, "unit": unit, "value": value, "at_us": reading.at_us},
        )
