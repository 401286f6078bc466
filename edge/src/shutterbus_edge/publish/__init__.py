"""From the spool to the broker: the newest picture now, the others oldest first, each until it is confirmed."""

from shutterbus_edge.publish.lane_state import LaneState
from shutterbus_edge.publish.publisher import Publisher, PublisherState

__all__ = ["LaneState", "Publisher", "PublisherState"]
