"""``COMPOSE_PROFILES`` in ``.env``: which brokers run."""

import difflib
from collections.abc import Iterator, Mapping

from shutterbus_broker.errors import SetupError

NAME = "COMPOSE_PROFILES"
BROKERS = ("kafka", "mqtt")
_OURS = (*BROKERS, "tools")


def read(settings: Mapping[str, str]) -> frozenset[str]:
    """Return the brokers named, and whatever a compose file of the user's own may have besides.

    Raises:
        SetupError: No broker is named, so nothing would run.
    """
    text = settings.get(NAME, "").strip() or ",".join(BROKERS)
    profiles = frozenset(name.strip() for name in text.split(","))
    if profiles.isdisjoint(BROKERS):
        raise SetupError(
            f"{NAME}={text} in .env names no broker of this server: kafka, mqtt or kafka,mqtt is expected"
        )
    return profiles


def warnings(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each profile that is probably a misspelt one of ours; raise SetupError as ``read``."""
    for name in sorted(read(settings).difference(_OURS)):
        if near := difflib.get_close_matches(name, BROKERS, n=1):
            yield f"{NAME} in .env names {name}, which is no broker of this server; did you mean {near[0]}?"
