"""What one page is told, and in which order."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fakes import FakeClock
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.show.client import Client
from shutterbus_viewer.show.frames_on_screen import FramesOnScreen
from shutterbus_viewer.show.state_texts import StateTexts
from shutterbus_viewer.show.thumbnails import Thumbnails
from viewer.fakes_viewer import EPOCH, body_of, header_of, jpeg, picture, reading, report, status


class Page:
    """A client, and the clock and cameras behind it. ``told`` waits for threads, never for time."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cameras = Cameras(self.clock)
        self.cameras.changes.attach()
        states = StateTexts(self.cameras, self.clock)
        self.cameras.changes.listen(states.changed)
        self.thumbnails = Thumbnails(self.cameras.picture)
        self.on_screen = FramesOnScreen()
        self.client = Client(self.cameras, states, self.thumbnails, self.on_screen, self.clock)
        self.cameras.changes.listen(self.client.changed)
        self._coming: asyncio.Task[str | bytes] | None = None

    async def told(self) -> Any:
        """Return the next message: a dictionary, or a pair of header and picture; None if there is none."""
        coming = self._coming = self._coming or asyncio.create_task(self.client.next())
        self.client._wake.set()  # to look at the clock again
        turns = 0
        while not coming.done() and turns < 20:
            turns = 0 if self.thumbnails._running else turns + 1
            await asyncio.sleep(0)
        if not coming.done():
            return None
        self._coming = None
        message = coming.result()
        return json.loads(message) if isinstance(message, str) else (header_of(message), body_of(message))

    async def pictures(self) -> list[str]:
        """Return camera and number of all pictures that are sent now, in order."""
        sent = []
        while (message := await self.told()) is not None:
            if isinstance(message, tuple):
                sent.append(f"{message[0]['camera']} {message[0]['id'].rpartition('-')[2]}")
        return sent

    def draw(self, camera: str, seq: int) -> None:
        self.client.acknowledge(camera, f"{EPOCH}-{seq}")


Scene = Callable[[Page], Awaitable[None]]


def play(scene: Scene) -> None:
    async def run() -> None:
        page = Page()
        await scene(page)
        if page._coming:
            page._coming.cancel()

    asyncio.run(run())


def test_outage_of_a_broker_is_told_once_when_it_begins_and_when_it_ends() -> None:
    async def scene(page: Page) -> None:
        assert (await page.told())["outages"] == []
        for source in ("frames", "telemetry"):
            page.cameras.outage(source, "Kafka cannot be reached", of="kafka")
        since_us = page.clock.utc_us()

        message = await page.told()

        assert message["type"] == "outages"
        assert message["outages"] == [{"sentence": "Kafka cannot be reached", "since_us": since_us}]
        assert await page.told() is None
        for source in ("frames", "telemetry"):
            page.cameras.outage(source, "", of="kafka")
        assert (await page.told())["outages"] == []

    play(scene)


def test_page_that_opens_during_an_outage_is_told_with_its_greeting() -> None:
    async def scene(page: Page) -> None:
        page.cameras.outage("kafka", "Kafka cannot be reached", of="kafka")
        greeting = await page.told()
        assert [outage["sentence"] for outage in greeting["outages"]] == ["Kafka cannot be reached"]

    play(scene)


def test_greeting_is_all_cameras() -> None:
    async def scene(page: Page) -> None:
        page.cameras.show(picture(camera="gate"), "kafka")
        page.cameras.show(picture(camera="yard"), "kafka")

        greeting = await page.told()

        assert greeting["type"] == "cameras"
        assert greeting["now_us"] == page.clock.utc_us()
        assert [camera["id"] for camera in greeting["cameras"]] == ["gate", "yard"]

    play(scene)


def test_watched_camera_sends_its_picture_with_its_facts() -> None:
    async def scene(page: Page) -> None:
        shown = picture(4, picture=jpeg(1_280, 720), camera_metadata={"ExposureTime": 8_000})
        page.cameras.show(shown, "kafka")
        page.client.watch({"gate": 320})
        messages = [await page.told() for _ in range(3)]

        ((header, body),) = [message for message in messages if isinstance(message, tuple)]
        assert header["camera"] == "gate"
        assert header["id"] == f"{EPOCH}-4"
        assert (header["width"], header["height"], header["bytes"]) == (1_280, 720, len(shown.frame.data))
        assert header["content_type"] == "image/jpeg"
        assert header["metadata"] == {"ExposureTime": 8_000}
        assert header["now_us"] == page.clock.utc_us()
        assert len(body) < len(shown.frame.data)

    play(scene)


@pytest.mark.parametrize("width_px", [0, 1_280, 1_024, 2_048])
def test_original_is_passed_on_byte_for_byte_where_it_is_wanted_or_scaling_saves_little(
    width_px: int,
) -> None:
    async def scene(page: Page) -> None:
        shown = picture(4, picture=jpeg(1_280, 720))
        page.cameras.show(shown, "kafka")
        page.client.watch({"gate": width_px})
        messages = [await page.told() for _ in range(3)]

        assert [message[1] for message in messages if isinstance(message, tuple)] == [shown.frame.data]

    play(scene)


def test_next_picture_waits_for_the_last_to_be_drawn_and_is_the_newest() -> None:
    """A page on a slow line skips to the present."""

    async def scene(page: Page) -> None:
        page.cameras.show(picture(0), "kafka")
        page.client.watch({"gate": 0})
        assert await page.pictures() == ["gate 0"]

        for seq in range(1, 10):
            page.cameras.show(picture(seq), "kafka")
        assert await page.pictures() == []
        page.draw("gate", 0)

        assert await page.pictures() == ["gate 9"]

    play(scene)


def test_acknowledging_another_picture_changes_nothing() -> None:
    async def scene(page: Page) -> None:
        page.cameras.show(picture(0), "kafka")
        page.client.watch({"gate": 0})
        await page.pictures()
        page.cameras.show(picture(1), "kafka")

        page.draw("gate", 7)
        page.draw("yard", 0)

        assert await page.pictures() == []

    play(scene)


def test_cameras_take_turns() -> None:
    """A camera at 30 a second must not starve one that sends once a minute."""

    async def scene(page: Page) -> None:
        for camera in ("fast", "slow"):
            page.cameras.show(picture(0, camera=camera), "kafka")
        page.client.watch({"fast": 0, "slow": 0})
        assert sorted(await page.pictures()) == ["fast 0", "slow 0"]
        page.draw("slow", 0)

        sent = []
        for seq in range(1, 7):
            page.cameras.show(picture(seq, camera="fast"), "kafka")
            if seq == 3:
                page.cameras.show(picture(1, camera="slow"), "kafka")
            page.draw("fast", seq - 1)
            while not isinstance(message := await page.told(), tuple):
                assert message is not None
            sent.append(message[0]["camera"])

        assert sent.count("slow") == 1
        assert sent.index("slow") in {2, 3}, "it had to wait for more than one other picture"

    play(scene)


def test_watching_anew_sends_the_picture_again() -> None:
    """The tile was out of sight and has given its picture up; nothing will acknowledge the last one."""

    async def scene(page: Page) -> None:
        page.cameras.show(picture(0), "kafka")
        page.client.watch({"gate": 0})
        assert await page.pictures() == ["gate 0"]
        page.client.watch({})
        page.client.watch({"gate": 0})

        assert await page.pictures() == ["gate 0"]

    play(scene)


def test_other_width_sends_the_picture_again_once_the_last_is_drawn() -> None:
    async def scene(page: Page) -> None:
        page.cameras.show(picture(0, picture=jpeg(640, 480)), "kafka")
        page.client.watch({"gate": 128})
        assert await page.pictures() == ["gate 0"]
        page.client.watch({"gate": 256})
        assert await page.pictures() == []
        page.draw("gate", 0)

        assert await page.pictures() == ["gate 0"]

    play(scene)


def test_picture_is_sent_once() -> None:
    async def scene(page: Page) -> None:
        page.client.watch({"gate": 0})
        for _ in range(3):
            page.cameras.show(picture(0), "kafka")
            page.cameras.changes.picture("gate")
            await page.pictures()
            page.draw("gate", 0)

        assert await page.pictures() == []

    play(scene)


def test_camera_that_is_not_watched_sends_no_picture_but_its_age_is_told() -> None:
    async def scene(page: Page) -> None:
        await page.told()
        page.cameras.show(picture(3, camera_metadata={"Lux": 4}), "kafka")
        messages = []
        while (message := await page.told()) is not None:
            messages.append(message)

        (metadata,) = [message for message in messages if message["type"] == "pictures"]
        assert metadata["pictures"][0]["camera"] == "gate"
        assert metadata["pictures"][0]["id"] == f"{EPOCH}-3"
        page.cameras.show(picture(4), "kafka")
        assert await page.told() is None  # not so soon again
        page.clock.pass_s(2)
        assert (await page.told())["pictures"][0]["id"] == f"{EPOCH}-4"

    play(scene)


def test_state_is_told_at_most_once_a_second() -> None:
    async def scene(page: Page) -> None:
        await page.told()
        page.cameras.note(status(), "mqtt")
        assert (await page.told())["camera"]["online"] is True

        page.cameras.note(status(state="offline"), "mqtt")
        assert await page.told() is None
        page.clock.pass_s(1)

        assert (await page.told())["camera"]["online"] is False

    play(scene)


def test_reading_is_told_value_by_value() -> None:
    async def scene(page: Page) -> None:
        page.cameras.note(report(), "kafka")
        await page.told()
        page.cameras.note(reading(1, temperature=41.5, load=0.5), "kafka")
        messages = []
        while (message := await page.told()) is not None:
            messages.append(message)

        told = [message["reading"] for message in messages if message["type"] == "reading"]
        assert [(entry["sensor"], entry["name"], entry["unit"], entry["value"]) for entry in told] == [
            ("cpu", "temperature", "°C", 41.5),
            ("cpu", "load", "", 0.5),
        ]

    play(scene)


def test_camera_shown_large_comes_with_all_its_readings() -> None:
    async def scene(page: Page) -> None:
        for number in range(200):
            page.cameras.note(reading(number, at_us=10**15 + number, temperature=40.0), "kafka")
        await page.told()
        page.client.watch({"gate": 0})
        messages = []
        while (message := await page.told()) is not None:
            messages.append(message)

        states = [message["camera"] for message in messages if message["type"] == "camera"]
        assert len(states[-1]["readings"][0]["recent"]) == 200

    play(scene)


def test_quiet_line_has_a_beat() -> None:
    """A page that hears nothing for longer knows that its line is broken."""

    async def scene(page: Page) -> None:
        await page.told()
        assert await page.told() is None
        page.clock.pass_s(15)

        assert await page.told() == {"type": "time", "now_us": page.clock.utc_us()}

    play(scene)


def test_client_that_reads_nothing_costs_a_handful() -> None:
    async def scene(page: Page) -> None:
        for seq in range(2_000):
            page.cameras.show(picture(seq), "kafka")
            page.cameras.note(reading(seq, at_us=10**15 + seq, temperature=40.0), "kafka")
            page.cameras.note(report(seq), "kafka")
            if seq % 50 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)

        client = page.client
        assert len(client._readings) <= 256
        assert len(client._states) + len(client._facts) + len(client._ready) <= 2

    play(scene)


def test_facts_that_do_not_fit_are_left_out_rather_than_the_picture() -> None:
    """The header's length has two bytes."""

    async def scene(page: Page) -> None:
        shown = picture(1)
        object.__setattr__(shown.frame.metadata, "camera_metadata", {"Blob": "x" * 70_000})
        page.cameras.show(shown, "kafka")
        page.client.watch({"gate": 0})
        messages = [message for _ in range(4) if isinstance(message := await page.told(), tuple)]

        assert messages[0][0]["metadata"] == {}
        assert messages[0][1] == shown.frame.data

    play(scene)


@pytest.mark.parametrize("camera", ["nobody", "gate"])
def test_watching_a_camera_without_a_picture_waits_for_one(camera: str) -> None:
    async def scene(page: Page) -> None:
        page.client.watch({camera: 0, "yard": 0})
        page.cameras.show(picture(camera="yard"), "kafka")
        assert await page.pictures() == ["yard 0"]
        page.cameras.show(picture(camera=camera), "kafka")

        assert await page.pictures() == [f"{camera} 0"]

    play(scene)
