"""The transports by name. A new one is a package here and a line in ``TRANSPORTS``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

TransportName = Literal["kafka", "mqtt"]

TRANSPORTS: Mapping[TransportName, str] = MappingProxyType({
    "kafka": "shutterbus_transport.kafka",
    "mqtt": "shutterbus_transport.mqtt",
})  # fmt: skip
"""Where each transport is, by what ``SS_TYPE`` calls it."""

DEFAULT: TransportName = "kafka"
"""What ``SS_TYPE`` is where nobody says."""
