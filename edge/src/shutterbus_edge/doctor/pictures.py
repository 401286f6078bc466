"""Whether the camera gives pictures."""

import fcntl
import json
import os
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from shutterbus_edge.capture import Shot, parse_address
from shutterbus_edge.capture.process import CaptureProcess
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.hardware import media
from shutterbus_edge.spool.files import LOCK
from shutterbus_runtime.checks import CheckResult, failure, ok, skipped, warning
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.jpeg import size_px

SHOT_S = 10.0
CHECK_SOURCE = "look at what CAMERA_SOURCE names, or name another in .env"
ONE_AT_A_TIME = ("picamera2", "v4l2")
"""Sources that no second process can open."""


def camera(context: CheckContext) -> CheckResult:
    """Take one picture, as the edge would."""
    settings = context.settings
    if running := _running(context):
        return running
    process = CaptureProcess(settings.camera_source, settings.capture, context.clock)
    try:
        picture = process.shoot(Shot(0, None), SHOT_S + settings.capture.exposure_s)
        opened = process.opened
    except CameraFinishedError as error:
        return ok(str(error))
    except CameraUnavailableError as error:
        return failure(str(error), _where_to_look(settings.camera_source, context.root))
    finally:
        process.close()
    context.picture_bytes = len(picture.jpeg)
    try:
        context.picture_px = size_px(picture.jpeg)
    except MalformedError as error:
        return failure(f"{settings.camera_source} gives what is no picture: {error}", CHECK_SOURCE)
    context.natural_rate = opened.natural_rate if opened else None
    width, height = context.picture_px
    name = opened.description if opened else settings.camera_source
    sentence = f"{name} gave a picture of {width} x {height}, {len(picture.jpeg):,} bytes"
    if opened and opened.notes:
        return warning(f"{sentence}; {'; '.join(opened.notes)}", "in .env: settings that this camera has")
    return ok(sentence)


def _running(context: CheckContext) -> CheckResult | None:
    """Ask the edge that runs here, where one does: it has the camera."""
    settings = context.settings
    status = _status(settings.health_port)
    if status is not None and status.get("camera") == context.camera:
        _last_picture(context)
        trouble = [problem for problem in status["problems"] if problem.startswith(("camera:", "no picture"))]
        if trouble:
            return failure(
                f"the edge that runs here says: {trouble[0]}",
                _where_to_look(settings.camera_source, context.root),
            )
        return ok(f"the edge that runs here takes pictures: {status['captured']:,} so far")
    one_at_a_time = parse_address(settings.camera_source).scheme in ONE_AT_A_TIME
    if one_at_a_time and _in_use(settings.spool.dir):
        _last_picture(context)
        return skipped(
            "the edge that runs here has the camera", "docker compose exec edge shutterbus-edge doctor"
        )
    return None


def _status(port: int) -> dict[str, Any] | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/status")
        answer = json.loads(connection.getresponse().read(1_000_000))
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None


def _in_use(folder: Path) -> bool:
    """Whether an edge has this spool open, in whichever container."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _last_picture(context: CheckContext) -> None:
    """Learn from the newest picture that waits, if one does."""
    try:
        newest = max(context.settings.spool.dir.glob("*.jpg"), key=lambda file: file.stat().st_mtime)
        jpeg = newest.read_bytes()
        context.picture_bytes, context.picture_px = len(jpeg), size_px(jpeg)
    except (OSError, ValueError, MalformedError):
        return  # none waits, or it has just been sent


def _where_to_look(source: str, root: Path) -> str:
    match parse_address(source).scheme:
        case "picamera2" if not (root / "run/udev/data").is_dir():
            return "mount /run/udev into the container, as the project's compose file does"
        case "picamera2" if not list((root / "dev").glob("media*")):
            return "no /dev/media*: look at the cable; on the Pi: rpicam-hello --list-cameras"
        case "picamera2":
            return "on the Pi: rpicam-hello --list-cameras"
        case "v4l2":
            return "v4l2-ctl --list-devices"
        case "file" | "file-once" if media.in_container(root):
            return media.missing(source, root) or CHECK_SOURCE
        case _:
            return CHECK_SOURCE
