"""Frames and records that wait on this device until the server has them."""

from shutterbus_edge.spool.names import Held
from shutterbus_edge.spool.spool import Spool
from shutterbus_edge.spool.tally import Dropped, SpoolCounts, Tally

__all__ = ["Dropped", "Held", "Spool", "SpoolCounts", "Tally"]
