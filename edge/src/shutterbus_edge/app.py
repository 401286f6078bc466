"""The path of a frame through the edge: shoot, keep, publish; and beside it the account of it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Any

from shutterbus_edge import schedule
from shutterbus_edge.capture.process import CaptureProcess
from shutterbus_edge.publish import Publisher
from shutterbus_edge.sensors import open_sensor, parse_addresses
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.shoot import Shooter
from shutterbus_edge.spool import camera_name, open_spool
from shutterbus_edge.status.condition import Condition
from shutterbus_edge.status.report import Reporter
from shutterbus_runtime.clock import Clock, SystemClock
from shutterbus_runtime.health import HealthServer
from shutterbus_runtime.stop_signals import at_stop_signal

log = logging.getLogger(__name__)

LOOK_AT_LANES_S = 5.0
LAST_SHOT_S = 2.0
"""How long a stop waits for the shot that is being taken."""
GRACE_S = 6.0
"""How long a stop may spend on that shot and on sending what is live. Docker kills after 10 s, and then what is only in
memory is lost, so closing everything has to fit in as well."""


def run(settings: EdgeSettings, clock: Clock | None = None, stop: threading.Event | None = None) -> int:
    """Run the edge until SIGTERM, SIGINT or *stop*; return the exit code.

    The halves meet only in the spool: a broker that is away never delays a picture, and a dead camera never delays
    a backlog. A part that ends for a reason it does not know ends the process, and Compose starts it again.
    """
    clock = clock or SystemClock()
    stop = stop or threading.Event()
    at_stop_signal(stop.set)
    sensors = [(address.name, open_sensor(address, clock)) for address in parse_addresses(settings.sensors)]
    name = settings.camera_id or camera_name(settings.spool.dir)
    with ExitStack() as stack:
        spool = stack.enter_context(open_spool(settings.spool, name, clock))
        publisher = Publisher(settings, name, spool, clock)
        camera = CaptureProcess(settings.camera_source, settings.capture, clock)
        stack.callback(camera.close)
        when = schedule.parse(settings.schedule, settings.timezone) if settings.schedule else None
        shooter = Shooter(name, camera, when, settings.capture, spool, publisher, clock)
        reporter = Reporter(name, settings, camera, shooter, spool, publisher, clock)
        health = HealthServer(settings.health_port, Condition(name, shooter, camera, spool, publisher, clock))
        stack.callback(health.close)
        log.info(
            "camera %s, source %s, epoch %s; health on 127.0.0.1:%d",
            name,
            settings.camera_source,
            spool.epoch,
            health.port,
        )
        publisher.start()
        parts: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
            (shooter.run, ()),
            (reporter.run, ()),
            (_watch_lanes, (publisher, clock)),
            *((reporter.read, sensor) for sensor in sensors),
        ]
        with ThreadPoolExecutor(len(parts), thread_name_prefix="edge") as pool:
            running: list[Future[None]] = [pool.submit(part, *arguments, stop) for part, arguments in parts]
            for part in running:
                part.add_done_callback(lambda _: stop.set())
            stop.wait()
            grace_until_s = clock.monotonic_s() + GRACE_S
            wait(running, timeout=LAST_SHOT_S)
            camera.close()  # ends a shot that hangs, so that every part does end
        reporter.report("stop")
        publisher.stop(max(0.0, grace_until_s - clock.monotonic_s()))
    log.info("stopped")
    for part in running:
        part.result()  # re-raises what ended it
    return 0


def _watch_lanes(publisher: Publisher, clock: Clock, stop: threading.Event) -> None:
    """End the process if a lane's thread has died: it would hold every picture and send none."""
    while not clock.wait(LOOK_AT_LANES_S, stop):
        if dead := publisher.state().ended:
            raise RuntimeError(
                f"the {' and '.join(dead)} lane has ended by an error of its own; see the log above"
            )
