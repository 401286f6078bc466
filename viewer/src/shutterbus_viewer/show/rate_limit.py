"""How often somebody may try a password: by address, and for IPv6 by network."""

import ipaddress
import math
from collections import deque

from shutterbus_runtime.clock import Clock

TRIES = 5
WINDOW_S = 60.0
ADDRESSES_KEPT = 10_000


class LoginRateLimiter:
    """Counts tries by address within a minute. A try counts from its beginning, so that many at once gain nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tried_s: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> int:
        """Return how many seconds *address* has to wait before its next try; 0: none."""
        now_s = self._clock.monotonic_s()
        tried_s = self._tried_s.get(network_of(address))
        while tried_s and now_s - tried_s[0] >= WINDOW_S:
            tried_s.popleft()
        if not tried_s or len(tried_s) < TRIES:
            return 0
        return max(1, math.ceil(tried_s[0] + WINDOW_S - now_s))

    def begin(self, address: str) -> None:
        """Count a try."""
        tried_s = self._tried_s.pop(network_of(address), deque(maxlen=TRIES))
        tried_s.append(self._clock.monotonic_s())
        self._tried_s[network_of(address)] = tried_s
        if len(self._tried_s) > ADDRESSES_KEPT:
            del self._tried_s[next(iter(self._tried_s))]

    def succeeded(self, address: str) -> None:
        """Forget the tries of *address*: it knows the password."""
        self._tried_s.pop(network_of(address), None)


def network_of(address: str) -> str:
    """Return what stands for *address*: a household has 2^64 addresses of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
