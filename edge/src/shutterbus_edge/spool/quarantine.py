"""What can never be sent, with the reason beside it, for a person to look at. Bounded; the oldest goes."""

from shutterbus_edge.spool.files import Files, discard
from shutterbus_edge.spool.limits import MIB

FOLDER = "quarantine"
FILES_MAX = 100
BYTES_MAX = 500 * MIB
EXPLANATION = ".txt"


def set_aside(files: Files, file: str, data: bytes | None, explanation: str) -> None:
    """Move *file* into quarantine, or write *data* there if it never became a file; may raise OSError."""
    files.make_folder(FOLDER)
    target = f"{FOLDER}/{file}"
    if data is None:
        files.rename(file, target)
    else:
        _write(files, target, data)
    _write(files, target + EXPLANATION, explanation.encode() + b"\n")
    _bound(files)


def _write(files: Files, name: str, data: bytes) -> None:
    # Not synced: after a power cut this is a memory aid at most.
    discard(files, name)
    descriptor = files.create(name)
    try:
        files.write(descriptor, data)
    finally:
        files.close_file(descriptor)


def _bound(files: Files) -> None:
    kept = sorted(files.list(FOLDER), key=lambda f: (f.written_at_us, f.name))
    pictures = [f for f in kept if not f.name.endswith(EXPLANATION)]
    used_bytes = sum(f.size_bytes for f in kept)
    while len(pictures) > 1 and (len(pictures) > FILES_MAX or used_bytes > BYTES_MAX):
        oldest = pictures.pop(0)
        used_bytes -= oldest.size_bytes
        discard(files, f"{FOLDER}/{oldest.name}")
        discard(files, f"{FOLDER}/{oldest.name}{EXPLANATION}")
