"""What the viewer says of the archive, from the archive's own files, which it may only read."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

import machine
from archive import catalog_writer
from archive.catalog_writer import FIRST_US, INTERVAL_US, SIZE_BYTES, row
from shutterbus_archive.catalog import Catalog, database
from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.archive import catalog
from shutterbus_viewer.archive.catalog import CameraKept, CatalogReader
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.errors import ArchiveUnreadableError
from viewer import catalog_asker
from viewer.fakes_viewer import user, viewer


class Process:
    """One of the two scripts, asked and answering line by line."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def ask(self, line: object = "") -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
        assert self._process.returncode == 0

    def kill(self) -> None:
        with self._process:
            self._process.kill()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "it has ended"
        return line.rstrip("\n")


def archive(folder: Path) -> Process:
    return Process(sys.executable, catalog_writer.__file__, str(folder))


@contextmanager
def asking(folder: Path) -> Iterator[Process]:
    """A viewer that sees *folder* read-only, as its container does: a mount in a namespace of its own."""
    machine.needs(os.geteuid() == 0, "mounts need root")
    machine.needs_tool("unshare", "util-linux")
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    command = (sys.executable, catalog_asker.__file__, str(folder))
    process = Process(
        "unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh", str(folder), *command
    )
    try:
        yield process
    finally:
        process.stop()


def of_gate(count: int) -> list[list[Any]]:
    return [["gate", count, count * SIZE_BYTES, FIRST_US, FIRST_US + (count - 1) * INTERVAL_US]]


def test_catalog_on_a_read_only_mount_is_read_in_every_order_of_stop_and_start(tmp_path: Path) -> None:
    """By a viewer that was there before, and by one that starts then; and neither of them leaves anything there."""
    count = 0
    ends = ["stop", "stop", "kill", "kill", "stop"]  # each after each
    with asking(tmp_path) as early:
        assert json.loads(early.ask()) == f"there is no {tmp_path}/catalog.sqlite: has the archive ever run?"
        for end in ends:
            running = archive(tmp_path)
            try:
                if count:
                    assert json.loads(early.ask()) == of_gate(count), "it has just started"
                for _ in range(2):
                    running.ask(3)
                    count += 3
                    assert json.loads(early.ask()) == of_gate(count), "while it runs"
            finally:
                getattr(running, end)()
            left = {path.name for path in tmp_path.glob("*.sqlite-*")}
            assert bool(left) is (end == "kill")
            with asking(tmp_path) as late:
                assert json.loads(early.ask()) == json.loads(late.ask()) == of_gate(count), f"after {end}"
            assert {path.name for path in tmp_path.glob("*.sqlite-*")} == left


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalog of two cameras that was left in order."""
    made = Catalog(tmp_path)
    made.add([row(0), row(1), row(0, "yard")])
    made.close()
    return tmp_path


def test_archive_that_starts_while_its_catalog_is_read_as_unchanging_is_read_again(folder: Path) -> None:
    """Both answers are whole ones; the second is what is true by then."""
    with ExitStack() as stack:

        class Interrupted(CatalogReader):
            asked = 0

            def _check_version(self, connection: sqlite3.Connection) -> None:
                super()._check_version(connection)
                self.asked += 1
                if self.asked == 1:
                    started = Catalog(folder)
                    stack.callback(started.close)
                    started.add([row(2)])

        reader = Interrupted(folder)
        assert [(kept.camera, kept.frames) for kept in reader.cameras()] == [("gate", 3), ("yard", 1)]
        assert reader.asked == 2


def test_what_aged_out_is_not_said_to_be_kept(folder: Path) -> None:
    from shutterbus_archive.catalog import Ageing

    archive = Catalog(folder)
    ageing = Ageing(archive)
    ageing.discard(ageing.oldest(2, before_us=FIRST_US + 1))
    archive.close()

    at_us = FIRST_US + INTERVAL_US
    assert CatalogReader(folder).cameras() == [CameraKept("gate", 1, SIZE_BYTES, at_us, at_us)]


def test_version_that_is_known_is_the_one_that_the_archive_writes() -> None:
    """A new revision may move what is asked here: look at it, then raise the number."""
    assert int((ScriptDirectory(str(database.MIGRATIONS)).get_current_head() or "")[:4]) == catalog.VERSION
    assert catalog.FILE == database.FILE


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0099_later", r"is of a newer version \(0099_later\) than this viewer knows .*: upgrade the viewer"),
        ("0000", "is of an older version .*: start the archive, which upgrades it"),
    ],
)
def test_catalog_of_another_version_is_refused_in_a_sentence(folder: Path, version: str, words: str) -> None:
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        connection.execute("update alembic_version set version_num = ?", [version])
    with pytest.raises(ArchiveUnreadableError, match=words):
        CatalogReader(folder).cameras()


def test_catalog_that_cannot_be_read_is_said(folder: Path) -> None:
    (folder / "catalog.sqlite").write_bytes(b"nonsense" * 1_000)
    with pytest.raises(ArchiveUnreadableError, match="cannot be read now: file is not a database"):
        CatalogReader(folder).cameras()


def test_scripts_are_told_what_is_kept_of_the_cameras_that_they_may_see(folder: Path) -> None:
    gate = {
        "id": "gate",
        "frames": 2,
        "bytes": 2_000,
        "oldest_us": FIRST_US,
        "newest_us": FIRST_US + INTERVAL_US,
    }
    yard = {"id": "yard", "frames": 1, "bytes": 1_000, "oldest_us": FIRST_US, "newest_us": FIRST_US}
    with viewer((user("guard", Role.LOOK, "gate"),), past=Past.of(folder)) as running:
        assert running.log_in().get("/api/archive").json() == {"problem": "", "cameras": [gate, yard]}
        assert running.http.get("/api/archive?camera=yard").json() == {"problem": "", "cameras": [yard]}
        assert running.http.get("/api/archive?camera=A").status_code == 422
        assert running.log_in("guard").get("/api/archive?camera=yard").json()["cameras"] == []
        assert running.http.get("/api/archive").json() == {"problem": "", "cameras": [gate]}


def test_server_without_an_archive_says_so(tmp_path: Path) -> None:
    with viewer() as running:
        told = running.log_in().get("/api/archive").json()
        assert told == {
            "problem": "this server has no archive: it shows what is live and keeps nothing",
            "cameras": [],
        }
    with viewer(past=Past.of(tmp_path)) as running:
        assert running.log_in().get("/api/archive").json()["problem"].endswith("has the archive ever run?")
        assert running.http.get("/api/cameras").status_code == 200
