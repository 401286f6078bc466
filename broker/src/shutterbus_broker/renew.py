"""``renew``: new dates for what is about to end."""

import datetime as dt
from collections.abc import Callable

from shutterbus_broker import hosts
from shutterbus_broker.errors import SetupError
from shutterbus_broker.installation import CLIENTS, SERVERS, Installation

Say = Callable[[str], None]


def run(installation: Installation, say: Say, now: dt.datetime) -> None:
    """Renew the services' certificates, on the keys they have."""
    if not (text := installation.settings().get("HOST")):
        raise SetupError("HOST is missing in .env; make init writes it")
    with installation.lock():
        renewed = installation.ensure_services(hosts.parse(text), now, renew=True)
        for service in {*SERVERS, *CLIENTS}:
            for path in (installation.state / "server" / service).iterdir():
                installation.hand_over(path)
    restart = " ".join(installation.running(renewed))
    say(f"Renewed the certificates of {', '.join(renewed)}; to use them: docker compose restart {restart}")
    say("A camera's certificate is renewed by enrolling it again: make enroll CAMERA=...")
