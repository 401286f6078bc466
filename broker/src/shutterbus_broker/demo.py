"""The whole path on one machine: a broker, three cameras, the archive and the viewer, with no Docker, camera or root.

Nothing of the surroundings leaks in: the parts get an environment made here, a folder of their own, and ports
that nobody else uses. Two demos with different ``VIEWER_PORT`` run side by side.
"""

import base64
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from shutterbus_broker.errors import SetupError
from shutterbus_broker.parts import DemoProcess
from shutterbus_runtime.stop_signals import at_stop_signal

ARCHIVE = "archive"
STOP_S = 3.0
"""How long the parts may take to stop before they are killed."""
ARCHIVE_STOP_S = 1.2
ARCHIVE_START_S = 15.0
NOTICE_S = 15.0
GIVE_UP_S = 120.0

# What programs need to find themselves, and nothing that any of ours reads as a setting but TZ.
_INHERITED = re.compile(r"PATH|HOME|USER|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_CACHE_HOME|LD_LIBRARY_PATH|VIRTUAL_ENV")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo is told by its environment."""

    port: int
    third: Mapping[str, str]
    folder: Path


def run(environment: Mapping[str, str], say: Say) -> int:
    """Run the demo until it is interrupted; return the exit code of the command."""
    stop = threading.Event()
    at_stop_signal(stop.set, signal.SIGHUP)
    demo = read(environment)
    clean = {name: value for name, value in environment.items() if _INHERITED.fullmatch(name)}
    password = "-".join(
        "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(3)
    )
    with running() as parts:
        _start(demo, clean, password, parts)
        say(f"Starting a broker, three cameras, the archive and the viewer; their logs are in {demo.folder}")
        return _watch(demo, password, parts, stop, say)


def read(environment: Mapping[str, str]) -> Demo:
    """Return the demo that *environment* asks for, or raise SetupError with what cannot be."""
    text = environment.get("VIEWER_PORT", "").strip() or "8080"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SetupError(f"VIEWER_PORT={text!r} is not a port: 1 to 65535 are expected")
    port = int(text)
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the viewer will: a port just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                f"Port {port} cannot be used ({(error.strerror or str(error)).lower()}); choose another, for example: "
                f"VIEWER_PORT={port + 1 if port < 65535 else 8080} make demo"
            ) from error
    return Demo(port, _third_camera(environment), _folder(environment, port))


def _third_camera(environment: Mapping[str, str]) -> dict[str, str]:
    source = environment.get("DEMO_SOURCE", "").strip()
    if not source:
        return {"CAMERA_SOURCE": "testcard", "PICAMERA_RESOLUTION": "720x1280", "PICAMERA_FRAMERATE": "1"}
    if re.match(r"[a-z0-9]+(:|$)", source) and not Path(source).exists():
        return {"CAMERA_SOURCE": source}  # already an address
    path = Path(source).expanduser().absolute()
    if not path.exists():
        raise SetupError(f"DEMO_SOURCE={source!r}: there is no such film, picture or folder")
    return {"CAMERA_SOURCE": f"file:{path}"}


def _folder(environment: Mapping[str, str], port: int) -> Path:
    """Return the folder that demos on this port use again and again."""
    home = environment.get("HOME")
    cache = environment.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
    roots = [*([Path(cache)] if cache else []), Path(tempfile.gettempdir(), f"{os.getuid()}")]
    for root in roots:
        folder = root / "shutterbus" / f"demo-{port}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            return folder
    raise SetupError(
        f"None of {', '.join(map(str, roots))} can be written; set XDG_CACHE_HOME to a folder that can"
    )


@contextlib.contextmanager
def running() -> Iterator[list[DemoProcess]]:
    """A list whose parts have all ended when the context has: viewer and cameras first, then the archive, then the broker."""
    parts: list[DemoProcess] = []
    try:
        yield parts
    finally:
        _end(parts[2:], STOP_S)
        _end(parts[1:2], ARCHIVE_STOP_S)  # with what the cameras sent last
        _end(parts[:1], 0.5)


def _end(parts: Sequence[DemoProcess], within_s: float) -> None:
    deadline_s = time.monotonic() + within_s
    for part in parts:
        part.end()
    for part in parts:
        part.wait(deadline_s)


def _start(demo: Demo, clean: Mapping[str, str], password: str, parts: list[DemoProcess]) -> None:
    programs = Path(sys.executable).parent
    parts.append(
        DemoProcess("broker", [sys.executable, "-m", "shutterbus_broker.embedded"], clean, demo.folder)
    )
    if not (mqtt_port := parts[0].first_line()):
        raise SetupError(f"The broker did not start. Its last lines:\n{parts[0].last_lines()}")
    _start_archive(demo, clean, mqtt_port, parts)
    viewer = {
        "VIEWER_BIND": "127.0.0.1",
        "VIEWER_PORT": str(demo.port),
        "VIEWER_TLS": "off",
        "VIEWER_USER": "admin",
        # Anyone on the machine can read a command line, and the same user an environment: only the hash goes there.
        "VIEWER_PASSWORD_HASH": PasswordHasher().hash(password),
        "VIEWER_MQTT_BROKERS": f"127.0.0.1:{mqtt_port}",
        "VIEWER_ARCHIVE_STATE_DIR": str(demo.folder / ARCHIVE),
        "VIEWER_MQTT_PROTOCOL": "3.1.1",  # all that amqtt speaks; it leaves a client of 5 without an answer
    }
    parts.append(
        DemoProcess("viewer", [str(programs / "shutterbus-viewer"), "run"], {**clean, **viewer}, demo.folder)
    )
    for camera, its in cameras(demo).items():
        edge = {
            "CAMERA_ID": camera,
            "SS_TYPE": "mqtt",
            "SS_BROKERS": f"127.0.0.1:{mqtt_port}",
            "SS_PROTOCOL": "3.1.1",
            "SPOOL_DIR": str(demo.folder / f"spool-{camera}"),
            "HEALTH_PORT": "0",
            "SENSORS": "cpu,simulated",
            "READING_INTERVAL": "5",
            "REPORT_INTERVAL": "10",
            **its,
        }
        parts.append(
            DemoProcess(camera, [str(programs / "shutterbus-edge"), "run"], {**clean, **edge}, demo.folder)
        )


def _start_archive(demo: Demo, clean: Mapping[str, str], mqtt_port: str, parts: list[DemoProcess]) -> None:
    """Start the archive and wait until it listens: this broker keeps nothing for one that comes later."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        health_port = chosen.getsockname()[1]
    archive = {
        "ARCHIVE_STATE_DIR": str(demo.folder / ARCHIVE),
        "ARCHIVE_MAX_BYTES": "2GiB",
        "ARCHIVE_MQTT_BROKERS": f"127.0.0.1:{mqtt_port}",
        "ARCHIVE_MQTT_PROTOCOL": "3.1.1",  # see the viewer's
        "ARCHIVE_HEALTH_PORT": str(health_port),
    }
    command = [str(Path(sys.executable).parent / "shutterbus-archive"), "run"]
    parts.append(DemoProcess(ARCHIVE, command, {**clean, **archive}, demo.folder))
    deadline_s = time.monotonic() + ARCHIVE_START_S
    while parts[-1].exit_code is None and time.monotonic() < deadline_s:
        with (
            contextlib.suppress(OSError),
            _direct().open(f"http://127.0.0.1:{health_port}/readyz", timeout=1),
        ):
            return
        time.sleep(0.05)


def cameras(demo: Demo) -> dict[str, Mapping[str, str]]:
    """Return the demo's cameras and what sets them apart."""
    return {
        "gate": {"CAMERA_SOURCE": "testcard", "PICAMERA_FRAMERATE": "5"},
        "yard": {"CAMERA_SOURCE": "testcard", "SCHEDULE": "10"},
        "street" if "file:" in demo.third["CAMERA_SOURCE"] else "tower": demo.third,
    }


def _watch(demo: Demo, password: str, parts: list[DemoProcess], stop: threading.Event, say: Say) -> int:
    """Say where to look once there is something to see, then wait for the end."""
    started_s = time.monotonic()
    notice_s = NOTICE_S
    names = set(cameras(demo))
    missing: set[str] | None = set(names)
    troubled: set[str] = set()
    archive = next(part for part in parts if part.name == ARCHIVE)
    keeps = True
    while not stop.wait(0.2):
        if keeps and archive.exit_code is not None:  # the others go on
            keeps = False
            say(
                f"The archive ended, so nothing is kept. Its last lines, from {archive.log}:\n{archive.last_lines()}"
            )
        for part in parts:
            if part.exit_code is not None and part is not archive:
                raise SetupError(
                    f"{part.name} ended by itself (exit code {part.exit_code}), so the demo ends. "
                    f"Its last lines, from {part.log}:\n{part.last_lines()}"
                )
        if missing is None:
            continue
        missing &= _without_picture(demo.port, password, missing)
        waited_s = time.monotonic() - started_s
        for part in parts:
            if part.name in missing - troubled and (trouble := part.camera_trouble()):
                say(f"{part.name} gives no picture: {trouble}")
                troubled.add(part.name)
        # One that cannot give a picture keeps nobody from seeing the others.
        if missing <= troubled and missing != names:
            say(f"Open http://127.0.0.1:{demo.port}/  user admin  password {password}")
            if keeps:
                say(
                    f"Every picture is kept as a file in {demo.folder / ARCHIVE / 'store'}, the newest 2 GiB of them."
                )
            say("Ctrl-C ends it.")
            missing = None
        elif waited_s > GIVE_UP_S:
            late = next(part for part in parts if part.name in missing)
            raise SetupError(
                f"No picture of {late.name} after {waited_s:.0f} s. Its last lines:\n{late.last_lines()}"
            )
        elif waited_s > notice_s:
            notice_s += NOTICE_S
            say(f"Waiting for the first picture of {', '.join(sorted(missing - troubled or missing))} ...")
    return 0


def _direct() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is never behind a proxy


def _without_picture(port: int, password: str, cameras: set[str]) -> set[str]:
    """Return those of *cameras* that the viewer has no picture of yet; all while it does not answer."""
    credentials = base64.b64encode(f"admin:{password}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/cameras", headers={"Authorization": f"Basic {credentials}"}
    )
    try:
        with _direct().open(request, timeout=2) as answer:
            seen = {camera["id"] for camera in json.load(answer)["cameras"] if camera["picture"]}
    except urllib.error.HTTPError as error:
        if error.code == 401:
            raise SetupError(
                f"Another program answers on port {port}; choose another: VIEWER_PORT={port + 1} make demo"
            ) from error
        return cameras
    except OSError:
        return cameras  # not up yet
    return cameras - seen
