"""People who drag through a camera's past, as the camera page asks for them: sheets while they drag, and where they rest the frame,
its facts, and three frames each way.

``python -m bench.people PORT COUNT CAMERAS BEGIN_US END_US`` are so many until its input ends; then it says what they were answered.
"""

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.kept import HOUR_US
from bench.viewer_load import BASIC, SERVER_CORE, camera

from shutterbus_wire import instant

LAPTOP_PX = 1280
"""What every second of them has for the picture; the others have room for all of it."""
DRAGS, DRAG_S = 20, 1.0
"""Places on the way, and how long the way takes."""
REACH_US = 3 * HOUR_US
REST_S, LOOK_S = 0.08, 1.5
AHEAD = 3
NICENESS = 5
"""They share a core with the page that is measured, which must not wait for them."""


@dataclass
class Person:
    """One of them, on a connection of their own."""

    number: int
    port: int
    cameras: int
    begin_us: int
    end_us: int
    answers: Counter[int] = field(default_factory=Counter)
    tags: dict[str, str] = field(default_factory=dict)
    """What their browser has, by address."""

    def scrub(self, stop: threading.Event) -> None:
        """Drag to one place after the other, and look at what is there, until *stop*."""
        chance = random.Random(self.number)
        width = f"?width={LAPTOP_PX}" if self.number % 2 else ""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as self._connection:
            while not stop.is_set():
                self._base = f"/api/cameras/{camera(chance.randrange(self.cameras))}"
                start_us = chance.randrange(self.begin_us, self.end_us)
                to_us = min(
                    max(start_us + chance.randrange(-REACH_US, REACH_US), self.begin_us), self.end_us - 1
                )
                self._drag(start_us, to_us)
                time.sleep(REST_S)
                self._rest(to_us, width)
                stop.wait(LOOK_S * chance.uniform(0.5, 1.5))

    def _drag(self, start_us: int, to_us: int) -> None:
        hours: set[int] = set()
        for step in range(DRAGS):
            at_us = start_us + (to_us - start_us) * step // DRAGS
            if (hour := at_us // HOUR_US) not in hours:
                hours.add(hour)
                name = f"{instant.at(hour * HOUR_US):%Y-%m-%dT%H}"
                self._get(f"/sheets/{name}.json")
                self._get(f"/sheets/{name}.jpg")
            time.sleep(DRAG_S / DRAGS)

    def _rest(self, at_us: int, width: str) -> None:
        frame = self._beside(at_us, "nearest")
        if frame is None:
            return
        self._get(f"/frames/{frame['id']}.jpg{width}")
        self._get(f"/frames/{frame['id']}.json")
        ends = {"next": frame, "previous": frame}
        for _ in range(AHEAD):
            for direction, end in ends.items():
                beside = self._beside(end["captured_us"], direction, f"&id={end['id']}")
                if beside is not None:
                    ends[direction] = beside
                    self._get(f"/frames/{beside['id']}.jpg{width}")

    def _beside(self, at_us: int, direction: str, more: str = "") -> dict[str, Any] | None:
        answer = self._get(f"/frames?at={instant.rfc3339(at_us)}&direction={direction}{more}")
        frame: dict[str, Any] | None = json.loads(answer)["frame"]
        return frame

    def _get(self, path: str) -> bytes:
        address = self._base + path
        tag = {"If-None-Match": self.tags[address]} if address in self.tags and "/sheets/" in path else {}
        self._connection.request("GET", address, headers={**BASIC, **tag})
        answer = self._connection.getresponse()
        data = answer.read()
        self.answers[answer.status] += 1
        # 503: more wait for pictures than are worth waiting for, and the page asks again when they are wanted.
        if answer.status not in {200, 304, 503}:
            raise RuntimeError(f"{address}: {answer.status} {data[:200]!r}")
        if "etag" in answer.headers:
            self.tags[address] = answer.headers["etag"]
        return data


@contextmanager
def people(port: int, count: int, cameras: int, begin_us: int, end_us: int) -> Iterator[Counter[int]]:
    """So many people at the viewer on *port*; what is yielded has, in the end, how many answers of each status they got."""
    numbers = map(str, (port, count, cameras, begin_us, end_us))
    environment = {**os.environ, "PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}"}
    command = [sys.executable, "-m", "bench.people", *numbers]
    answers: Counter[int] = Counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield answers
        finally:
            said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError("the people came to nothing; what is above says why")
        answers.update({int(status): many for status, many in json.loads(said).items()})


def scrub_until_told(port: int, count: int, cameras: int, begin_us: int, end_us: int) -> Counter[int]:
    """Have them scrub until the input of this process ends."""
    stop = threading.Event()
    all_of_them = [Person(number, port, cameras, begin_us, end_us) for number in range(count)]
    threads = [threading.Thread(target=person.scrub, args=(stop,)) for person in all_of_them]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    return sum((person.answers for person in all_of_them), Counter())


def fail(failed: threading.ExceptHookArgs) -> None:
    """End the process where one of them could not go on."""
    sys.__excepthook__(failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
    os._exit(1)


if __name__ == "__main__":
    threading.excepthook = fail
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {SERVER_CORE} or {SERVER_CORE})
    os.nice(NICENESS)
    print(json.dumps(scrub_until_told(*map(int, sys.argv[1:]))))
