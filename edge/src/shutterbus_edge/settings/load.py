"""From what the process was given to ``EdgeSettings``, or to sentences that say what to change."""

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shutterbus_edge.capture import parse_address
from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.schedule import ScheduleError, parse, zone
from shutterbus_edge.sensors import parse_addresses
from shutterbus_edge.settings import certificate, unsupported
from shutterbus_edge.settings.capture import control_name, exif_name
from shutterbus_edge.settings.edge import EdgeSettings, SpoolSettings
from shutterbus_edge.spool.epoch import FILE as EPOCH_FILE
from shutterbus_runtime import settings as machinery
from shutterbus_runtime.settings import Given, Loaded, Resolved, sources, unusable
from shutterbus_runtime.settings.sources import SECRETS
from shutterbus_runtime.settings.values import read_words
from shutterbus_transport import TRANSPORTS, transport
from shutterbus_transport.registry import DEFAULT
from shutterbus_transport.settings import BrokerSettings, Tls

STOPS = (
    "CAMERA_",
    "SPOOL_",
    "PUBLISH_",
    "SS_",
    "SSCFG_",
    "EXT_SS_",
    "EXT_ARG_",
    "SENSOR",
    "READING_",
    "REPORT_",
    "HEALTH_",
    "SCHEDULE",
)
WARNS = ("PICAMERA_", "PICAMERA2_")
ALONE = ("TZ", "LOG_LEVEL", "LOG_FORMAT")
DURABLE_FROM_S = 10.0
OLD_SPOOL = Path("/var/lib/shutterbus/spool")
"""Where version 0.1.0 kept frames unless it was told otherwise."""
PI_MODEL = Path("/proc/device-tree/model")


def load(
    environ: Mapping[str, str],
    secrets: Path = SECRETS,
    env_file: Path = Path(".env"),
    pi_model: Path = PI_MODEL,
    old_spool: Path = OLD_SPOOL,
) -> Loaded[EdgeSettings]:
    """Return the settings that secrets, *environ* and *env_file* say, in this order.

    Raises:
        SettingsError: With a sentence for each thing to put right.
    """
    given = sources.given(environ, secrets, env_file, (*STOPS, *WARNS, *ALONE))
    problems, warnings = unsupported.refuse(given)
    warnings += unsupported.not_read(environ, env_file.parent)
    _user_data_only(given)
    resolved = machinery.resolve(EdgeSettings, given)
    stop, warn = machinery.unknown(resolved, EdgeSettings, STOPS, WARNS)
    warnings += warn
    warnings += [
        f"{weaker.name} has no effect beside {stronger.name}, which says otherwise."
        for weaker, stronger in resolved.overruled
    ]
    problems += [*stop, *_options(resolved), *_source(resolved, pi_model), *_sensors(resolved)]
    problems += [*_schedule(resolved), *_tls(resolved)]
    notes = [*_follow(resolved), *_spool_folder(resolved, environ, old_spool)]
    settings = machinery.build(EdgeSettings, resolved, problems)
    if settings.broker.password and not settings.broker.tls:
        warnings.append("The broker's password is sent unencrypted: set SS_TLS.")
    return Loaded(settings, tuple(warnings), resolved.origin, tuple(notes))


def _user_data_only(given: dict[str, Given]) -> None:
    """SINETStream's word for the payload alone is, with a picture, a plain JPEG."""
    user_data_only = given.pop("SS_USER_DATA_ONLY", None)
    if user_data_only is not None and user_data_only.value.lower() in {"true", "1", "yes", "on"}:
        given.setdefault("SS_MESSAGE_FORMAT", Given(user_data_only.name, "jpeg", user_data_only.place))


def _options(resolved: Resolved) -> list[str]:
    own = [
        f"SS_{name}" for setting in machinery.settings_of(BrokerSettings) for name in setting.names if name
    ]
    own.append("SS_MESSAGE_FORMAT")
    name = resolved.values["broker"].get("type", DEFAULT).strip().lower()
    if name not in TRANSPORTS:
        return []  # said by the settings class
    check = transport(name).check_options("SS_", own, reads=False)
    return machinery.check_family(resolved, ("broker", "client_options"), check)


def _source(resolved: Resolved, pi_model: Path) -> Iterator[str]:
    given = resolved.origin.get(("camera_source",))
    if given is None:
        if not (pi_model.is_file() and pi_model.read_bytes().startswith(b"Raspberry Pi")):
            yield (
                "CAMERA_SOURCE is not set: on a machine that is no Raspberry Pi, an address such as "
                "v4l2:/dev/video0, file:/a/film.mp4 or testcard is expected."
            )
        elif "camera_number" in resolved.values.get("capture", {}):
            resolved.values["camera_source"] = f"picamera2:{resolved.values['capture']['camera_number']}"
    elif given.value:
        try:
            parse_address(given.value)
        except MisconfiguredError as error:
            yield f"{str(error).rstrip('.')}."


def _sensors(resolved: Resolved) -> Iterator[str]:
    given = resolved.origin.get(("sensors",))
    if given is None:
        return
    try:
        parse_addresses(read_words(given.value))
    except MisconfiguredError as error:
        yield unusable(given, str(error))


def _schedule(resolved: Resolved) -> Iterator[str]:
    zone_given = resolved.origin.get(("timezone_name",))
    if zone_given is not None and not zone_given.value:
        # Containers are often given TZ= for "as the host".
        resolved.sentences[:] = [
            sentence
            for sentence in resolved.sentences
            if not sentence.startswith(f"{zone_given.name} is empty")
        ]
    try:
        resolved.values["timezone"] = zone.find(zone_given.value if zone_given else None)
    except ValueError as error:
        if zone_given:
            yield unusable(zone_given, str(error))
        return
    given = resolved.origin.get(("schedule",))
    if given is None or not given.value:
        return
    try:
        schedule = parse(given.value, resolved.values["timezone"])
    except ScheduleError as error:
        yield unusable(given, str(error))
        return
    if schedule and (schedule.interval_s is None or schedule.interval_s >= DURABLE_FROM_S):
        resolved.values.setdefault("spool", {}).setdefault("mode", "durable")


def _tls(resolved: Resolved) -> Iterator[str]:
    """Check what the certificate files hold, and take the camera's name from them."""
    inside = {
        path[-1]: member
        for path, member in resolved.origin.items()
        if path[:2] == ("broker", "tls") and len(path) == 3
    }
    broken = False
    for field in ("ca_certs", "certfile", "keyfile"):
        if given := inside.get(field):
            path = Path(resolved.values["broker"]["tls"][field])
            try:
                path.open("rb").close()
            except OSError as error:
                broken = True
                yield f"{given.name}={path} cannot be read: {error.strerror}."
    if broken or not inside:
        return
    try:
        tls = Tls.model_validate(resolved.values["broker"]["tls"])
    except ValueError:
        return  # said by the settings class
    try:
        tls.context()
    except ssl.SSLError as error:
        yield (
            f"{', '.join(member.name for member in inside.values())}: the TLS files cannot be used together: "
            f"{error.reason}."
        )
        return
    if tls.certfile:
        yield from _named_by_certificate(resolved, tls.certfile, inside["certfile"])


def _named_by_certificate(resolved: Resolved, path: Path, certfile: Given) -> Iterator[str]:
    try:
        camera = certificate.camera_of(path)
    except ssl.SSLError:
        yield f"{certfile.name}={path} holds no certificate."
        return
    given = resolved.origin.get(("camera_id",))
    if camera and given and given.value != camera:
        yield (
            f"{given.name}={given.value} cannot be used: the certificate {path} is for {camera}, and the broker "
            f"accepts no other name with it. Leave {given.name} out, or enrol {given.value}."
        )
    elif camera:
        resolved.values["camera_id"] = camera


def _follow(resolved: Resolved) -> Iterator[str]:
    """Set what follows from other settings; yield what the user should know of it."""
    values: dict[str, Any] = resolved.values
    if "topic" in values["broker"] and "message_format" not in values:
        values["message_format"] = "3"
        yield (
            "Pictures are sent in SINETStream's message format 3, which the readers of an existing topic understand; "
            "SS_MESSAGE_FORMAT=jpeg sends plain JPEG."
        )
    if "topic" in values["broker"]:
        values.setdefault("publish", {}).setdefault("order", "in-order")
    if names := dict(_picture_names(resolved)):
        values.setdefault("capture", {})["given"] = names


def _spool_folder(resolved: Resolved, environ: Mapping[str, str], old: Path) -> Iterator[str]:
    """Say where frames are kept where nobody did."""
    spool = resolved.values.setdefault("spool", {})
    if "dir" in spool:
        return
    if (old / EPOCH_FILE).is_file() and os.access(old, os.W_OK):
        spool["dir"] = old
        yield f"Frames are kept in {old}, where they were until now; SPOOL_DIR names another folder."
    else:
        spool["dir"] = sources.state_folder(environ, "spool", SpoolSettings.model_fields["dir"].default)


def _picture_names(resolved: Resolved) -> Iterator[tuple[str, str]]:
    for path, given in resolved.origin.items():
        match path:
            case ("capture", "controls", key):
                yield f"controls.{control_name(key)}", given.name
            case ("capture", "exif_tags", key):
                yield f"exif_tags.{exif_name(key)}", given.name
            case ("capture", *field):
                yield ".".join(field), given.name
