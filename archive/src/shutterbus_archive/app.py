"""The archive: readers in threads of their own, each with a keeper, all into one store and its catalog."""

import logging
import secrets
import threading
from contextlib import ExitStack

from shutterbus_archive.catalog import Catalog, schema
from shutterbus_archive.consume.keeper import Keeper
from shutterbus_archive.copies import CatalogCopies
from shutterbus_archive.downloads import RunningDownloads
from shutterbus_archive.keeping import Archive
from shutterbus_archive.opening import STORE, open_archive, open_store
from shutterbus_archive.retention import Limits, Retention
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_archive.status.condition import Condition
from shutterbus_runtime.clock import Clock, SystemClock
from shutterbus_runtime.health import HealthServer
from shutterbus_runtime.stop_signals import at_stop_signal
from shutterbus_transport import transport
from shutterbus_transport.consuming import Group, Kind, Reader, Subscription
from shutterbus_wire.names import ARCHIVE_GROUP

log = logging.getLogger("shutterbus_archive")

STOP_S = 6.0
LOOK_S = 1.0


def run(settings: ArchiveSettings, clock: Clock | None = None, stop: threading.Event | None = None) -> int:
    """Keep what comes until SIGTERM, SIGINT or *stop*; return the exit code.

    A reader that ends for a reason nobody foresaw ends the process: Docker or systemd starts it again.

    Raises:
        ArchiveError: The catalog or the store cannot be used as they are, or another process has them.
    """
    clock = clock or SystemClock()
    stop = stop or threading.Event()
    at_stop_signal(stop.set)
    with ExitStack() as stack:
        settings.state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        catalog = Catalog(settings.state_dir)
        stack.callback(catalog.close)
        store = open_store(settings, catalog)
        stack.callback(store.close)
        archive = open_archive(settings, store, catalog, clock)
        reading = make_readers(settings, archive, clock)
        copies = CatalogCopies(store, settings.state_dir, clock)
        retention = Retention(
            store,
            catalog,
            Limits(settings.max_bytes, settings.max_age_s),
            clock,
            archive.floor,
            RunningDownloads(settings.downloads_dir, clock),
        )
        health = HealthServer(
            settings.health_port,
            Condition(archive, reading, retention, copies),
            "ARCHIVE_HEALTH_PORT",
            settings.health_bind,
        )
        stack.callback(health.close)
        log.info(
            "keeping in %s; health on %s:%d",
            settings.store_dir or settings.state_dir / STORE,
            settings.health_bind,
            health.port,
        )
        for reader, _ in reading:
            reader.start()
        housekeeping = [
            threading.Thread(target=run_until, args=(stop,), name=name, daemon=True)
            for name, run_until in (("retention", retention.run), ("copies", copies.run))
        ]
        for thread in housekeeping:
            thread.start()
        died = False
        while not (stop.is_set() or died):
            clock.wait(LOOK_S, stop)
            alive = all(thread.is_alive() for thread in housekeeping) and all(
                reader.is_alive() for reader, _ in reading
            )
            died = not (alive or stop.is_set())
        stop.set()
        for reader, _ in reading:
            reader.stop()
        for reader, _ in reading:
            reader.join(STOP_S)
        for thread in housekeeping:
            thread.join(STOP_S)
    log.info("stopped")
    return 1 if died else 0


def make_readers(settings: ArchiveSettings, archive: Archive, clock: Clock) -> list[tuple[Reader, Keeper]]:
    """Return a reader and its keeper for all that *settings* name, not started."""
    member = archive.catalog.noted(schema.MEMBER)
    if member is None:
        # Whoever connects to MQTT under this name takes what waits for us: it must not be guessed.
        member = f"{ARCHIVE_GROUP}-{secrets.token_hex(16)}"
        archive.catalog.note(schema.MEMBER, member)
    reading: list[tuple[Reader, Keeper]] = []
    for broker in settings.brokers:
        carrier = transport(broker.type)
        kinds_together: list[tuple[Kind, ...]] = (
            [("frames", "telemetry")] if carrier.reads_together else [("frames",), ("telemetry",)]
        )
        for kinds in kinds_together:
            subscription = Subscription(
                kinds=kinds,
                foreign=settings.topics if "frames" in kinds else (),
                group=Group(ARCHIVE_GROUP, member),
                state_dir=settings.state_dir,
            )
            keeper = Keeper(archive, clock)
            [reader] = carrier.readers(broker, subscription, keeper, clock)
            keeper.serve(reader)
            reading.append((reader, keeper))
    return reading
