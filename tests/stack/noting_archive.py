"""The archive as it is, with one ear at its readers: each frame that a broker hands over is noted, before anything is done with it.

The file that NOTES names gets a line for each: its camera and its number.
"""

import os
import sys
from pathlib import Path

from shutterbus_archive.__main__ import main
from shutterbus_archive.consume.keeper import Keeper
from shutterbus_transport.consuming import Delivery
from shutterbus_wire.message import topic_of_ours


def note_read() -> None:
    """Wrap what a reader calls with each frame."""
    notes = Path(os.environ["NOTES"]).open("a", buffering=1)  # noqa: SIM115, open for the life of the process
    take = Keeper.frame

    def note_and_take(keeper: Keeper, delivery: Delivery) -> bool:
        named, seq = topic_of_ours(delivery.arrival), delivery.arrival.attributes.get("sequence")
        if named and seq:
            notes.write(f"{named[0]} {seq}\n")
        return take(keeper, delivery)

    setattr(Keeper, "frame", note_and_take)  # noqa: B010, the class is left as it is for mypy


if __name__ == "__main__":
    note_read()
    sys.exit(main())
