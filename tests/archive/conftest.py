"""What most of these tests are about: an archive, its store and its catalog in a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.fakes_archive import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()
