"""Cuts the power of the archive's disk while it stores, and looks what is left. Run as root in a mount namespace of its own.

The disk is an ext4 image on btrfs, with store and catalog on it; a copy of the image by reflink at any moment is what a power
cut at that moment would leave, as far as the order of writes goes. Prints one line of JSON.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from archive.fakes_archive import EPOCH, FakeReader, delivery, frame
from shutterbus_archive.catalog import Catalog
from shutterbus_archive.consume.keeper import Keeper
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.floor import Floor
from shutterbus_archive.keeping import Archive
from shutterbus_archive.store import marker
from shutterbus_archive.store.folder import FolderStore
from shutterbus_archive.store.founding import initialise, read_marker
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.consuming import Delivery
from shutterbus_wire import store_layout
from shutterbus_wire.identity import FrameId
from stack.power_cut_rig import lines_of, mount, run

GROUP = 7
CAMERAS = ("gate", "yard", "roof")


class Telling(FakeReader):
    """Says on standard output what is acknowledged."""

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        for each in deliveries:
            camera = each.arrival.attributes["camera"]
            sys.stdout.write(f"{camera} {each.arrival.attributes['sequence']}\n")
        sys.stdout.flush()


def write(disk: Path, without: str) -> None:
    """Keep frames until killed; *without* one kind of sync, to show that the test would notice."""
    if without == "fsync":
        os.fsync = lambda _: None  # type: ignore[assignment]
    for folder in (disk / "store", disk / "state"):
        folder.mkdir()
    made = initialise(disk / "store")
    os.sync()
    catalog, store = Catalog(disk / "state"), FolderStore(disk / "store", made)
    clock = SystemClock()
    keeper = Keeper(Archive(store, catalog, clock, floor=Floor(0, clock.monotonic_s)), clock)
    keeper.serve(Telling())
    seq = 0
    while True:
        for _ in range(GROUP):
            for camera in CAMERAS:
                keeper.frame(delivery(seq, camera=camera))
            seq += 1
        keeper.turn(more=False)
        time.sleep(0.005)


def look(disk: Path) -> tuple[set[str], int]:
    """Return what a start after a cut has, by file and by row, and how many files are torn."""
    made = read_marker(disk / "store")
    assert made is not None
    store, whole, torn = FolderStore(disk / "store", marker.Marker(made.store)), set(), 0
    for item in store.objects("frames/"):
        key = store_layout.parse(item.key)
        assert key is not None, item.key
        if store.read(item.key) == frame(key.id.seq, camera=key.camera).data:
            whole.add(f"{key.camera} {key.id.seq}")
        else:
            torn += 1
    store.close()
    catalog = Catalog(disk / "state")
    names = [(camera, FrameId(EPOCH, int(seq))) for camera, seq in map(str.split, whole)]
    rows = catalog.frames(names) if names else {}
    catalog.close()
    return {f"{camera} {identity.seq}" for camera, identity in rows}, torn


def cut(work: Path, snapshots: int, without: str) -> dict[str, Any]:
    """Store, cut, look; return the sums over all cuts."""
    generator = random.Random(1)
    ground, disk = work / "ground", work / "disk"
    run("truncate", "-s", "4G", str(work / "ground.img"))
    run("mkfs.btrfs", "-q", str(work / "ground.img"))
    mount(work / "ground.img", ground)
    image = ground / "disk.img"
    run("truncate", "-s", "256M", str(image))
    run("mkfs.ext4", "-q", "-F", str(image))
    mount(image, disk)
    promised: set[str] = set()
    promises: list[set[str]] = []
    rest = b""
    command = [sys.executable, __file__, "write", str(disk), without]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            while len(promises) < snapshots:
                assert writer.poll() is None, "the archive has died"
                time.sleep(generator.uniform(0.02, 0.3))
                said, rest = lines_of(writer, rest)
                promised.update(said)
                if promised and (not promises or len(promised) > len(promises[-1])):
                    run("cp", "--reflink=always", str(image), str(ground / f"cut-{len(promises)}.img"))
                    promises.append(set(promised))
        finally:
            writer.kill()
    run("umount", str(disk))
    lost = torn = 0
    for number, promise in enumerate(promises):
        mount(ground / f"cut-{number}.img", disk)
        try:
            present, torn_here = look(disk)
        except ArchiveError as error:  # it does not start: all is lost
            print(error, file=sys.stderr)
            present, torn_here = set(), 0
        lost += len(promise - present)
        torn += torn_here
        run("umount", str(disk))
    run("umount", str(ground))
    return {"cuts": len(promises), "promised": len(promises[-1]), "lost": lost, "torn": torn}


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), sys.argv[3])
    else:
        print(json.dumps(cut(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
