"""A viewer of the archive of ``kept_past``, on a port: real routes, pages and files, and cameras that a test makes speak.

``PYTHONPATH=. python -m viewer.kept_viewer FOLDER`` from ``tests/`` shows one until it is interrupted.
"""

import argparse
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from shutterbus_runtime.clock import Clock, SystemClock
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.show.app import make_app
from shutterbus_viewer.show.services import Services
from shutterbus_wire import exif
from shutterbus_wire.frame import Frame
from shutterbus_wire.telemetry import Status
from viewer import kept_past
from viewer.fakes_viewer import PASSWORD, make_services

ZONE = "Europe/Berlin"


class KeptViewer:
    """Any thread may use it."""

    def __init__(self, past: kept_past.Past, services: Services, url: str) -> None:
        self.past = past
        self.services = services
        self.url = url

    def speak(self, camera: str) -> None:
        """Let *camera* say that it is there, and send the newest picture that is kept of it."""
        status = Status(
            camera=camera,
            state="online",
            since_us=self.past.frames[camera][0].captured_us,
            expected_interval_s=60.0,
            schedule="every 1 min",
            zone=ZONE,
        )
        self.services.cameras.note(status, "mqtt")
        newest = self.past.frames[camera][-1]
        data = newest.path.read_bytes()
        metadata = exif.read_metadata(data)
        assert metadata is not None
        self.services.cameras.show(
            LatestFrame(Frame(metadata, data, lane="live"), newest.captured_us), "mqtt"
        )


@contextlib.contextmanager
def running(past: kept_past.Past, clock: Clock, port: int = 0) -> Iterator[KeptViewer]:
    """Serve the archive; user ``admin`` with the usual password."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        number = listener.getsockname()[1]
        services = make_services(
            Cameras(clock), clock, past=Past.of(past.folder, past.store), cookie=f"shutterbus_{number}"
        )
        config = uvicorn.Config(
            make_app(services, dict, lambda: True),
            log_level="warning",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="viewer")
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield KeptViewer(past, services, f"http://127.0.0.1:{number}")
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="empty, or made")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    end_us = SystemClock().utc_us()
    with running(kept_past.make(options.folder, end_us), SystemClock(), options.port) as viewer:
        for camera in viewer.past.frames:
            viewer.speak(camera)
        print(f"{viewer.url}/  user admin  password {PASSWORD}")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
