"""The names and addresses under which the cameras reach the server."""

import ipaddress
import re
from collections.abc import Iterator, Sequence

from shutterbus_broker.errors import SetupError

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def parse(text: str) -> tuple[str, ...]:
    """Return what *text* names, the first of it being the one that brokers give out as their own.

    Raises:
        SetupError: A word is neither a name nor an address, or there is none.
    """
    hosts: list[str] = []
    for word in re.split(r"[\s,]+", text.strip().strip(",")):
        if not word:
            continue
        host = word.strip("[]").rstrip(".").lower()
        if not is_address(host) and (
            len(host) > 253 or not _NAME.fullmatch(host) or re.fullmatch(r"[\d.]+", host)
        ):
            raise SetupError(
                f"HOST: {word!r} is neither a name nor an address; give what the cameras reach this server by, "
                'without port or path, for example HOST="server.example.org 192.168.1.10"'
            )
        if host not in hosts:
            hosts.append(host)
    if not hosts:
        raise SetupError(
            'HOST is missing: the names and addresses the cameras reach this server by, for example make init HOST="'
            'server.example.org 192.168.1.10"'
        )
    return tuple(hosts)


def warnings(hosts: Sequence[str]) -> Iterator[str]:
    """Yield a sentence about each host that will disappoint."""
    for host in hosts:
        if host.endswith(".local"):
            yield (
                f"{host} ends in .local, which containers cannot resolve: cameras in Docker need the server's address "
                "in HOST as well, or a name from your router"
            )
        elif host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback):
            yield f"{host} means this machine only: no camera elsewhere reaches the server by it"


def bracketed(host: str) -> str:
    """Return *host* as it stands before a port: an IPv6 address in brackets, anything else as it is."""
    return f"[{host}]" if is_address(host) and ipaddress.ip_address(host).version == 6 else host


def is_address(host: str) -> bool:
    """Whether *host* is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
