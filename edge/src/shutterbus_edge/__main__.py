"""The command ``shutterbus-edge``."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from shutterbus_edge import healthcheck
from shutterbus_edge.errors import EdgeError, SettingsError
from shutterbus_edge.hardware import board, devices, media
from shutterbus_edge.schedule import ScheduleError, parse, zone
from shutterbus_edge.schedule.times import zone_name
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.settings.load import load
from shutterbus_edge.spool import obstacle
from shutterbus_runtime.clock import SystemClock
from shutterbus_runtime.command_line import Commands, add_settings_commands, print_report
from shutterbus_runtime.logs import log_remarks, start_logging
from shutterbus_wire import __version__

log = logging.getLogger("shutterbus_edge")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; return 0, or 1 with the reason on standard error."""
    return _commands().run(arguments, EdgeError, ScheduleError)


def _commands() -> Commands:
    commands = Commands(
        "shutterbus-edge", "Take pictures, keep them, and publish them until they are confirmed.", __version__
    )
    commands.add("run", _run, "Be the edge of one camera until stopped.")
    add_settings_commands(commands, "edge", lambda: load(os.environ), _summary, _obstacles)
    commands.add(
        "doctor",
        _doctor,
        "Check this edge, and say how to fix what is wrong; exit with 1 if anything is.",
        json=True,
    )
    commands.add(
        "devices",
        _devices,
        "Write a Compose override that runs the edge without privilege, with this board's device numbers.",
    )
    commands.add("healthcheck", _healthcheck, "Ask the edge that runs on HEALTH_PORT whether it lives.")
    times = commands.add(
        "schedule", _schedule, "Print when a schedule is due next, with the zone.", json=True
    )
    times.add_argument("text", nargs="?", help='such as "every day at 10:30"; without it SCHEDULE')
    times.add_argument("-n", dest="count", type=int, default=10, help="how many times (%(default)s)")
    return commands


def _run(_: argparse.Namespace) -> int:
    loaded = load(os.environ)
    start_logging(loaded.settings.log_level, loaded.settings.log_format)
    log_remarks(log, loaded)
    if sentence := media.missing(loaded.settings.camera_source):
        log.warning("%s", sentence)
    from shutterbus_edge import app

    return app.run(loaded.settings)


def _summary(settings: EdgeSettings) -> str:
    return (
        f"The settings can be used: {settings.camera_source} as {settings.camera_id or 'a camera named at the first start'}, "
        f"{settings.schedule or 'without a schedule'}, to {settings.broker.type} at {', '.join(settings.broker.addresses)}."
    )


def _obstacles(settings: EdgeSettings) -> list[str]:
    """Return a sentence for everything that this machine lacks for *settings*."""
    lacking = (obstacle(settings.spool.dir), media.missing(settings.camera_source))
    return [*board.cannot(settings), *(sentence for sentence in lacking if sentence)]


def _doctor(options: argparse.Namespace) -> int:
    from shutterbus_edge import doctor

    # What the libraries complain about on the way is in the lines, or of no interest.
    logging.disable(logging.CRITICAL)
    return print_report(doctor.run_doctor(os.environ), as_json=options.json)


def _devices(_: argparse.Namespace) -> int:
    if compose_file := devices.compose_file(devices.PROJECT):
        devices.write(devices.override(compose_file=compose_file), devices.PROJECT)
        print(f"Wrote {devices.OVERRIDE}. To run so: {devices.how_to_use(compose_file, os.environ)}")
        return 0
    # Outside Compose, or without privilege already.
    print(devices.override(), end="")
    print(
        f"Printed only: the folder of the compose file is not in here. To have {devices.OVERRIDE} written, name that file "
        f"alone: docker compose -f {devices.COMPOSE_FILES[0]} run --rm edge devices",
        file=sys.stderr,
    )
    return 0


def _healthcheck(_: argparse.Namespace) -> int:
    return healthcheck.main()


def _schedule(options: argparse.Namespace) -> int:
    if options.text is None:
        settings = load(os.environ).settings
        text, where = settings.schedule, settings.timezone
        if text is None:
            print("SCHEDULE is not set: the camera sets the pace.", file=sys.stderr)
            return 1
    else:
        text = options.text
        try:
            where = zone.find(os.environ.get("TZ"))
        except ValueError as error:
            raise SettingsError(f"TZ={os.environ['TZ']} cannot be used: {error}") from error
    schedule = parse(text, where)
    assert schedule is not None
    now = datetime.fromtimestamp(SystemClock().utc_us() / 1e6, UTC)
    times = [due.astimezone(where) for due in schedule.next_times(max(0, options.count), now)]
    if options.json:
        due = [due_at.isoformat() for due_at in times]
        print(json.dumps({"schedule": schedule.describe(), "zone": zone_name(where), "times": due}, indent=1))
        return 0
    described = schedule.describe()
    # One that follows a wall clock has said whose.
    zone_said = "" if schedule.zone else f" Zone {zone_name(where)}."
    print(f"{described[:1].upper()}{described[1:]}.{zone_said}")
    for due_at in times:
        print(
            f"{due_at:%a %Y-%m-%d %H:%M:%S}{f'.{due_at.microsecond:06d}'.rstrip('0').rstrip('.')} "
            f"{due_at:%z} {due_at:%Z}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
