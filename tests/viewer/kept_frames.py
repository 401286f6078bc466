"""A small archive that a test fills frame by frame: a catalog and a store as the archive leaves them."""

from pathlib import Path

from shutterbus_archive.catalog import Catalog, FrameRow
from shutterbus_archive.catalog.schema import PNG
from shutterbus_transport.checksum import crc32c
from shutterbus_viewer.archive.past import Past
from shutterbus_wire.identity import FrameId
from shutterbus_wire.store_layout import MARKER, FrameKey
from viewer.fakes_viewer import EPOCH, frame, png


class Kept:
    """An archive with what a test puts into it; ``past`` is what the viewer asks."""

    def __init__(self, folder: Path) -> None:
        (folder / "catalog").mkdir()
        self.catalog = Catalog(folder / "catalog")
        self.store = folder / "store"
        self.store.mkdir()
        (self.store / MARKER).write_text("{}")
        self.past = Past.of(folder / "catalog", self.store)

    def add(
        self, seq: int, at_us: int, *, camera: str = "gate", epoch: str = EPOCH, as_png: bool = False
    ) -> bytes:
        """Keep a frame that was taken then; return its file."""
        data = png() if as_png else frame(seq, camera=camera, epoch=epoch, captured_at_us=at_us).data
        return self.put(seq, at_us, data, camera=camera, epoch=epoch, as_png=as_png)

    def put(
        self,
        seq: int,
        at_us: int,
        data: bytes,
        *,
        camera: str = "gate",
        epoch: str = EPOCH,
        as_png: bool = False,
    ) -> bytes:
        """Keep *data* as the frame that was taken then."""
        key = FrameKey(camera, FrameId(epoch, seq), at_us, "image/png" if as_png else "image/jpeg")
        path = self.store / str(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.catalog.add([FrameRow(key, at_us, at_us + 5, len(data), int(crc32c(data)), PNG * as_png)])
        return data
