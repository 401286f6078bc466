"""Films and pictures that are played as a camera: whether they can be reached from in here, and where to put them."""

from pathlib import Path

from shutterbus_edge import capture
from shutterbus_edge.capture import parse_address

MEDIA = Path("/media")
"""Where a container has the folder ``media`` that is beside its compose file."""
CONTAINER_MARKS = (".dockerenv", "run/.containerenv")


def in_container(root: Path = Path("/")) -> bool:
    """Whether we run in one, of Docker's or Podman's."""
    return any((root / mark).exists() for mark in CONTAINER_MARKS)


def missing(source: str, root: Path = Path("/")) -> str | None:
    """Return a sentence where what *source* names is not here: what is missing, and where a container looks for it."""
    address = parse_address(source)
    sentence = capture.missing(address)
    if sentence is None or address.scheme not in {"file", "file-once"} or not in_container(root):
        return sentence
    path = Path(address.rest)
    if path.is_relative_to(MEDIA):
        inside = Path(MEDIA.name) / path.relative_to(MEDIA)
        return f"{sentence.removesuffix('.')}, which would be {inside} beside the compose file."
    instead = f"CAMERA_SOURCE={address.scheme}:{MEDIA / path.name}"
    return (
        f"{sentence.removesuffix('.')} inside the container. Put it into the folder {MEDIA.name} beside the compose file "
        f"and write {instead}."
    )
