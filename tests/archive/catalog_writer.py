"""A process that has a catalog: adds as many frames as each line of its standard input says, and ends with its input."""

import sys
from pathlib import Path

from shutterbus_archive.catalog import Catalog, FrameRow
from shutterbus_wire.identity import FrameId
from shutterbus_wire.store_layout import FrameKey

EPOCH = "00000000000000cc"
FIRST_US = 1_795_817_040_000_000
INTERVAL_US = 60_000_000
SIZE_BYTES = 1_000


def row(seq: int, camera: str = "gate") -> FrameRow:
    at_us = FIRST_US + seq * INTERVAL_US
    return FrameRow(FrameKey(camera, FrameId(EPOCH, seq), at_us), at_us, at_us, SIZE_BYTES, 0)


if __name__ == "__main__":
    catalog = Catalog(Path(sys.argv[1]))
    print("open", flush=True)
    for line in sys.stdin:
        begin = sum(frames for frames, _ in catalog.totals().values())
        catalog.add([row(seq) for seq in range(begin, begin + int(line))])
        print("added", flush=True)
    catalog.close()
