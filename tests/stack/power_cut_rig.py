"""Cuts the power of a card while frames are written to it, and looks what is left. Run as root in a mount namespace of its own.

The card is an ext4 image on btrfs; a copy of the image by reflink at any moment is what a power cut at that moment would
leave, as far as the order of writes goes (a card that lies about its cache is another matter). Everything that is
mounted, and the loop devices under it, goes with the namespace. Prints one line of JSON.
"""

import json
import os
import random
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from shutterbus_edge.spool import Spool, names
from shutterbus_edge.spool.files import FolderFiles
from shutterbus_runtime.clock import SystemClock

SNAPSHOTS = 25
FRAME_BYTES = 100_000
KEPT = 60


class LyingFiles(FolderFiles):
    """Leaves out one kind of sync, to show that the test would notice."""

    def __init__(self, folder: Path, without: str) -> None:
        super().__init__(folder)
        self._without = without

    def fsync(self, descriptor: int) -> None:
        if self._without != "fsync":
            super().fsync(descriptor)

    def sync_folder(self) -> None:
        if self._without != "sync_folder":
            super().sync_folder()


def write(folder: Path, without: str) -> None:
    """Put frames until killed, and say so on standard output after each, as fast as one may expect of a card."""
    spool = Spool(
        folder,
        camera="gate",
        clock=SystemClock(),
        mode="durable",
        files=LyingFiles(folder, without),
        machine="one",
    )
    while True:
        identity = spool.next_id()
        held = spool.put(identity, str(identity).encode().ljust(FRAME_BYTES, b"."))
        spool.release(held)
        print("put", identity, flush=True)
        if identity.seq >= KEPT and (oldest := spool.claim_oldest()):
            print("ack", oldest.id, flush=True)
            spool.ack(oldest)
        time.sleep(0.01)


def look(folder: Path) -> tuple[set[str], int]:
    """Return the frames that a start finds after a cut, and how many of them are torn."""
    whole_ids, torn = set(), 0
    with Spool(folder, camera="gate", clock=SystemClock(), machine="one", background=False):
        for path in folder.glob("*.jpg"):
            ours = names.parse(path.name, 0, 0)
            assert ours is not None
            if names.is_whole(path.name, path.read_bytes()):
                whole_ids.add(str(ours[0].id))
            else:
                torn += 1
    return whole_ids, torn


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def mount(image: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    run("mount", "-o", "loop", str(image), str(folder))


def lines_of(writer: "subprocess.Popen[bytes]", rest: bytes) -> tuple[list[str], bytes]:
    """Return what the writer has said by now, without waiting, and the beginning of a line that is not whole."""
    assert writer.stdout is not None
    while select.select([writer.stdout], [], [], 0)[0]:
        chunk = os.read(writer.stdout.fileno(), 65_536)
        if not chunk:
            break
        rest += chunk
    *lines, rest = rest.split(b"\n")
    return [line.decode() for line in lines], rest


def note(said: list[str], promised: set[str]) -> None:
    """Keep account of what is put and not confirmed."""
    for line in said:
        word, identity = line.split()
        (promised.add if word == "put" else promised.discard)(identity)


def cut(work: Path, without: str) -> dict[str, Any]:
    """Write, cut, look; return the sums over all cuts."""
    generator = random.Random(1)
    ground, card = work / "ground", work / "card"
    ground_image = work / "ground.img"
    run("truncate", "-s", "1G", str(ground_image))
    run("mkfs.btrfs", "-q", str(ground_image))
    mount(ground_image, ground)
    image = ground / "card.img"
    run("truncate", "-s", "96M", str(image))
    run("mkfs.ext4", "-q", "-F", str(image))
    mount(image, card)
    command = [sys.executable, __file__, "write", str(card / "spool"), without]
    promised: set[str] = set()
    promises: list[set[str]] = []
    rest = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            while len(promises) < SNAPSHOTS:
                assert writer.poll() is None, "the writer has died"
                time.sleep(generator.uniform(0.02, 0.3))
                said, rest = lines_of(writer, rest)
                note(said, promised)
                if promised:
                    before = set(promised)
                    run("cp", "--reflink=always", str(image), str(ground / f"cut-{len(promises)}.img"))
                    # What was confirmed meanwhile may be in the copy or not; it is said before it is done.
                    said, rest = lines_of(writer, rest)
                    note(said, promised)
                    promises.append(before & promised)
        finally:
            writer.kill()
    run("umount", str(card))
    lost = torn = 0
    for number, promise in enumerate(promises):
        mount(ground / f"cut-{number}.img", card)
        whole_ids, torn_here = look(card / "spool")
        lost += len(promise - whole_ids)
        torn += torn_here
        run("umount", str(card))
    run("umount", str(ground))
    return {"cuts": len(promises), "promised": sum(map(len, promises)), "lost": lost, "torn": torn}


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), sys.argv[3])
    else:
        print(json.dumps(cut(Path(sys.argv[2]), sys.argv[3])))
