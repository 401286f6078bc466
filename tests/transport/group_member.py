"""A member of a consumer group in a process of its own, to be killed: notes topic and id of what it acknowledges.

group_member.py BROKER GROUP MEMBER FILE
"""

import sys
import threading
from pathlib import Path
from typing import TextIO

from shutterbus_runtime.clock import SystemClock
from shutterbus_transport import transport
from shutterbus_transport.consuming import Delivery, Group, Handler, Reader, Subscription
from shutterbus_transport.settings import BrokerSettings


class Noting(Handler):
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.reader: Reader | None = None

    def frame(self, delivery: Delivery) -> bool:
        self._file.write(f"{delivery.arrival.topic} {delivery.arrival.attributes['id']}\n")
        self._file.flush()
        assert self.reader is not None
        self.reader.acknowledge([delivery])
        return True

    def telemetry(self, delivery: Delivery) -> None:
        raise AssertionError(delivery)

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        raise AssertionError((delivery, reason, sentence))

    def outage(self, source: str, transport: str, sentence: str) -> None:
        print(source, transport, sentence or "connected", file=sys.stderr)


def main() -> None:
    address, group, member, file = sys.argv[1:]
    settings = BrokerSettings.model_validate({"type": "kafka", "brokers": address})
    with Path(file).open("a", encoding="utf-8") as notes:
        handler = Noting(notes)
        subscription = Subscription(kinds=("frames",), group=Group(group, member))
        [handler.reader] = transport("kafka").readers(settings, subscription, handler, SystemClock())
        handler.reader.start()
        threading.Event().wait(300)


if __name__ == "__main__":
    main()
