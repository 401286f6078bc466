"""What people bring along from the SINETStream camera, and whose function is not in this version."""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from shutterbus_runtime.settings import Given, shown
from shutterbus_runtime.settings.values import one_of
from shutterbus_wire.codecs import CODECS

_OFF = {"", "false", "0", "no", "off", "none"}

_REFUSED = (
    (r"SSCFG_\w+", "a SINETStream config server", "write the settings it holds as SS_ names"),
    (r"SS_(DATA_ENCRYPTION|CRYPTO)(__\w+)?", "SINETStream's own encryption", "use TLS, by SS_TLS"),
    (
        r"SS_(DATA_COMPRESSION|COMPRESSION)(__\w+)?",
        "compression inside the message",
        "a JPEG gains nothing by it",
    ),
    (r"SS_TLS(_SET)?__\w+_DATA", "a certificate inside a variable", "put it into a file and name that"),
    (r"EXT_(SS|ARG)_\w+", "a tool called after each frame", "leave it out"),
    (r"SS_MESSAGE_FORMAT__\w+", "a format with parameters", f"use SS_MESSAGE_FORMAT={one_of(CODECS)}"),
)
_WITHOUT_EFFECT = {
    "SS_VALUE_TYPE": "a picture is always sent as its bytes",
    "SS_NAME": "the name of a service meant something in SINETStream's own files only",
    "SS_CLEAN_SESSION": "what is not confirmed waits in the spool, not in a session",
    "SS_CLEAN_START": "what is not confirmed waits in the spool, not in a session",
}


_PROXIES = ("HTTPS_PROXY", "ALL_PROXY")
SINETSTREAM_FILE = ".sinetstream_config.yml"


def not_read(environ: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Yield a sentence for everything beside our settings that people may take to have an effect."""
    for name in _PROXIES:
        if any(environ.get(spelling) for spelling in (name, name.lower())):
            yield f"{name} has no effect: brokers are connected to directly, and Kafka and MQTT pass no web proxy."
    if (folder / SINETSTREAM_FILE).is_file():
        yield (
            f"{folder.resolve() / SINETSTREAM_FILE} is not read: write what it holds as SS_ names, such as SS_BROKERS and "
            "SS_TOPIC."
        )


def refuse(given: MutableMapping[str, Given]) -> tuple[list[str], list[str]]:
    """Take such names out of *given*; return the sentences that stop the start, and mere warnings.

    Where such a function is switched off, there is nothing to say.
    """
    return list(_refuse(given)), list(_ignore(given))


def _refuse(given: MutableMapping[str, Given]) -> Iterator[str]:
    for name in sorted(given):
        for pattern, what, instead in _REFUSED:
            if re.fullmatch(pattern, name):
                refused = given.pop(name)
                if refused.value.lower() not in _OFF:
                    # The name alone: keys and configurations are among these values.
                    yield f"{refused.name} cannot be used: {what} is not in this version; {instead}."
                break


def _ignore(given: MutableMapping[str, Given]) -> Iterator[str]:
    for name, why in _WITHOUT_EFFECT.items():
        if (ignored := given.pop(name, None)) is not None:
            yield f"{shown(ignored)} has no effect: {why}."
