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
from shutterbus_edge.hardware import board, devices
from shutterbus_edge.schedule import ScheduleError, parse, zone
from shutterbus_edge.schedule.times import zone_name
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.settings.load import Loaded, load
from shutterbus_runtime.checks import Line, exit_code, report_json
from shutterbus_runtime.clock import SystemClock
from shutterbus_runtime.settings.text import listing, verdict_json
from shutterbus_wire import __version__

log = logging.getLogger("shutterbus_edge")

LOG_FORMAT = "{asctime} {levelname} {name}: {message}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; return 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except SettingsError as error:
        print(*error.sentences, sep="\n", file=sys.stderr)
    except (EdgeError, ScheduleError) as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:
        # Whoever read the list has seen enough. Python would complain once more while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="shutterbus-edge",
        description="Take pictures, keep them, and publish them until they are confirmed.",
    )
    parser.add_argument("--version", action="version", version=f"shutterbus-edge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: object, description: str, *, reports: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=description, description=description)
        added.set_defaults(command=command)
        if reports:
            added.add_argument("--json", action="store_true", help="for programs")
        return added

    add("run", _run, "Be the edge of one camera until stopped.", reports=False)
    shown = add(
        "settings", _settings, "Print the settings in force and where each came from; secrets stay hidden."
    )
    shown.add_argument("--all", action="store_true", help="also those without a value")
    add("check", _check, "Check the settings; exit with 0 if the edge could start, else 1.")
    add(
        "doctor",
        _doctor,
        "Say what keeps this edge from its work, and what puts it right; exit with 1 if anything does.",
    )
    add(
        "devices",
        _devices,
        "Write a Compose override that runs the edge without privilege, with this board's device numbers.",
        reports=False,
    )
    add("healthcheck", _healthcheck, "Ask the edge that runs on HEALTH_PORT whether it lives.", reports=False)
    times = add("schedule", _schedule, "Print when a schedule is due next, with the zone.")
    times.add_argument("text", nargs="?", help='such as "every day at 10:30"; without it SCHEDULE')
    times.add_argument("-n", dest="count", type=int, default=10, help="how many times (%(default)s)")
    return parser


def _run(_: argparse.Namespace) -> int:
    loaded = load(os.environ)
    start_logging(loaded.settings)
    for sentence in loaded.warnings:
        log.warning("%s", sentence)
    for sentence in loaded.notes:
        log.info("%s", sentence)
    from shutterbus_edge import app

    return app.run(loaded.settings)


def start_logging(settings: EdgeSettings) -> None:
    """Send the log to standard error, at the wanted level."""
    logging.basicConfig(level=settings.log_level, format=settings.log_format or LOG_FORMAT, style="{")
    # Below INFO kafka-python logs whole messages: pictures, several times each. At INFO it logs every attempt.
    logging.getLogger("kafka").setLevel("INFO" if settings.log_level == "DEBUG" else "WARNING")


def _settings(options: argparse.Namespace) -> int:
    loaded = load(os.environ)
    print(listing(loaded.settings, loaded.origin, every=options.all, as_json=options.json))
    if not options.json:
        _say(loaded)
    return 0


def _check(options: argparse.Namespace) -> int:
    try:
        loaded = load(os.environ)
    except SettingsError as error:
        if not options.json:
            raise
        print(verdict_json(error.sentences))
        return 1
    settings = loaded.settings
    beyond = board.cannot(settings)
    if options.json:
        print(verdict_json(beyond, loaded.warnings))
        return 1 if beyond else 0
    _say(loaded)
    if beyond:
        raise SettingsError(*beyond)
    print(
        f"The settings can be used: {settings.camera_source} as {settings.camera_id or 'a camera named at the first start'}, "
        f"{settings.schedule or 'without a schedule'}, to {settings.broker.type} at {', '.join(settings.broker.addresses)}."
    )
    return 0


def _say(loaded: Loaded) -> None:
    for sentence in (*loaded.warnings, *loaded.notes):
        print(sentence, file=sys.stderr)


def _doctor(options: argparse.Namespace) -> int:
    from shutterbus_edge import doctor

    # What the libraries complain about on the way is in the lines, or of no interest.
    logging.disable(logging.CRITICAL)
    lines: list[Line] = []
    for line in doctor.run_doctor(os.environ):
        lines.append(line)
        if not options.json:
            print(line.text(colour=sys.stdout.isatty()), flush=True)
    if options.json:
        print(report_json(lines))
    return exit_code(lines)


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
        due = [one.isoformat() for one in times]
        print(json.dumps({"schedule": schedule.describe(), "zone": zone_name(where), "times": due}, indent=1))
        return 0
    print(f"{schedule.describe()[:1].upper()}{schedule.describe()[1:]}. Zone {zone_name(where)}.")
    for one in times:
        print(
            f"{one:%a %Y-%m-%d %H:%M:%S}{f'.{one.microsecond:06d}'.rstrip('0').rstrip('.')} {one:%z} {one:%Z}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
