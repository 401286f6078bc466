"""A reader in a process of its own, which ends as soon as it unpacks a compressed batch; notes what comes until frame 1.

bomb_reader.py BROKER FOLDER
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

from kafka.record import default_records

import shutterbus_transport.kafka.library  # noqa: F401 (has put its own codecs there)
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport import transport
from shutterbus_transport.consuming import Delivery, Group, Handler, Subscription
from shutterbus_transport.kafka import codecs
from shutterbus_transport.settings import BrokerSettings


class Noting(Handler):
    def __init__(self, path: Path) -> None:
        self._path = path
        self.done = threading.Event()

    def frame(self, delivery: Delivery) -> bool:
        seq = str(delivery.arrival.attributes["id"]).rpartition("-")[2]
        self._note(f"frame {seq}")
        if seq == "1":
            self.done.set()
        return True

    def telemetry(self, delivery: Delivery) -> None:
        raise AssertionError(delivery)

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        self._note(f"{reason}: {sentence}")

    def outage(self, source: str, transport: str, sentence: str) -> None:
        print(source, transport, sentence or "connected", file=sys.stderr)

    def _note(self, line: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            print(line, file=file)


def end(_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def main() -> None:
    address, folder = sys.argv[1:]
    assert default_records.gzip_decode is codecs.ungzip
    default_records.gzip_decode = end
    settings = BrokerSettings.model_validate({"type": "kafka", "brokers": address})
    handler = Noting(Path(folder) / "said")
    subscription = Subscription(kinds=("frames",), group=Group("bombed", "one"), state_dir=Path(folder))
    [reader] = transport("kafka").readers(settings, subscription, handler, SystemClock())
    reader.start()
    assert handler.done.wait(30)
    reader.stop()
    reader.join(5)


if __name__ == "__main__":
    main()
