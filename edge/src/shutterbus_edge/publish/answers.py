"""What the broker's answer to a message means for that message.

answer                                     of what                      verdict
-----------------------------------------  ---------------------------  ---------------
none                                       all                          CONFIRMED
NoSubscribersError                         a status                     CONFIRMED
BrokerClosedConnectionError                all                          CONNECTION_ENDS
MessageRefusedError                        what the spool keeps         SET_ASIDE
NotAuthorizedError                         a reading, on its own topic  TOPIC_REFUSED
any other                                  all                          TAKE_BACK
"""

from enum import Enum

from shutterbus_edge.publish.pending_send import PendingSend
from shutterbus_transport.errors import (
    BrokerClosedConnectionError,
    MessageRefusedError,
    NoSubscribersError,
    NotAuthorizedError,
    TransportError,
)
from shutterbus_wire.names import sensor_of_mqtt_topic


class Verdict(Enum):
    """What becomes of a message.

    Attributes:
        CONFIRMED: It has arrived, or is kept by the broker for those who come.
        CONNECTION_ENDS: It is dealt with when the connection is closed, with all others that it had.
        SET_ASIDE: This broker will never take it.
        TOPIC_REFUSED: It goes again, to the one topic that a server of version 0.1.0 grants for all readings.
        TAKE_BACK: It goes again, when its kind is due.
    """

    CONFIRMED = "confirmed"
    CONNECTION_ENDS = "connection ends"
    SET_ASIDE = "set aside"
    TOPIC_REFUSED = "topic refused"
    TAKE_BACK = "take back"


def verdict(pending: PendingSend, error: TransportError | None) -> Verdict:
    """Return what *error*, the answer to *pending*, means for it."""
    match error:
        case None:
            return Verdict.CONFIRMED
        case NoSubscribersError() if pending.kind == "status":
            return Verdict.CONFIRMED
        case BrokerClosedConnectionError():
            return Verdict.CONNECTION_ENDS
        case MessageRefusedError() if pending.held:
            return Verdict.SET_ASIDE
        case NotAuthorizedError() if sensor_of_mqtt_topic(pending.topic) is not None:
            return Verdict.TOPIC_REFUSED
        case _:
            return Verdict.TAKE_BACK
