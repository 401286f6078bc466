"""The tests that guard against loss are tried themselves: each of these mistakes, made in a copy, fails the one named for it.

A mistake is a replacement of text that has to be in the program exactly once, so it is noticed here when the program has
moved on.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("archive", "transport")
ARCHIVE = "archive/src/shutterbus_archive"
TRANSPORT = "transport/src/shutterbus_transport"


@dataclass(frozen=True)
class Mistake:
    """What is written wrongly, as (file, what is right, what is wrong), and the test that has to fail on it."""

    edits: tuple[tuple[str, str, str], ...]
    test: str

    def make(self, copy: Path) -> str:
        """Write it into *copy*; return why that cannot be done, or an empty text."""
        for file, right, wrong in self.edits:
            text = (copy / file).read_text()
            if text.count(right) != 1:
                return (
                    f"this mistake cannot be made any more: in {file}, {right.strip()!r} is expected once and stands there "
                    f"{text.count(right)} times; write the mistake for the program as it is now"
                )
            (copy / file).write_text(text.replace(right, wrong))
        return ""


MISTAKES = {
    "commit before row": Mistake(
        (
            (
                f"{ARCHIVE}/consume/keeper.py",
                "submit(self._archive.keep, group)",
                "submit(self._archive.keep, group, lambda: self._reader.acknowledge(group.deliveries))",
            ),
            (
                f"{ARCHIVE}/keeping.py",
                "def keep(self, group: Group) -> Outcome:",
                "def keep(self, group, acknowledge):",
            ),
            (f"{ARCHIVE}/keeping.py", "self.catalog.add(", "acknowledge()\n        self.catalog.add("),
        ),
        "tests/archive/test_keeper.py::test_nothing_is_acknowledged_before_its_file_is_synced_and_its_row_committed",
    ),
    "commit of what was only delivered": Mistake(
        (
            (
                f"{TRANSPORT}/kafka/offsets.py",
                "return next(iter(self._waiting), self.next)",
                "return self.next",
            ),
        ),
        "tests/transport/test_committed_offsets.py::test_reading_begins_where_the_group_has_committed",
    ),
    "acknowledge before fsync": Mistake(
        (
            (
                f"{ARCHIVE}/consume/keeper.py",
                "self._under_way.append(",
                "self._reader.acknowledge(group.deliveries); self._under_way.append(",
            ),
        ),
        "tests/archive/test_keeper.py::test_store_that_is_away_pauses_the_reader_and_loses_nothing",
    ),
    "no file fsync": Mistake(
        ((f"{ARCHIVE}/store/folder.py", "list(self._pool.map(os.fsync, written.values()))", "pass"),),
        "tests/archive/test_keeper.py::test_nothing_is_acknowledged_before_its_file_is_synced_and_its_row_committed",
    ),
    "no folder fsync": Mistake(
        ((f"{ARCHIVE}/store/folder.py", "list(self._pool.map(self._sync_folder, folders))", "pass"),),
        "tests/archive/test_store_folder.py::test_order_is_write_sync_rename_and_then_the_folders_once",
    ),
    "acknowledgement of an older connection": Mistake(
        ((f"{TRANSPORT}/mqtt/reader.py", "if current and brought_by is current and", "if current and"),),
        "tests/transport/test_mqtt_acknowledgements.py::"
        "test_what_an_older_connection_brought_is_not_acknowledged_on_this_one",
    ),
    "uniqueness by row only": Mistake(
        (
            (
                f"{ARCHIVE}/keeping.py",
                "known = self.catalog.archived(names)",
                "known = self.catalog.frames(names)",
            ),
        ),
        "tests/archive/test_retention.py::test_frame_that_aged_out_is_known_and_does_not_come_back",
    ),
}


def copy_of_the_program(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package / "src", folder / package / "src")
    return folder


def run(copy: Path, *tests: str) -> tuple[int, str]:
    """Run *tests* against the packages in *copy*, which stand before the installed ones; return the exit code and all that was said."""
    path = os.pathsep.join(str(copy / package / "src") for package in PACKAGES)
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_fails_the_test_that_guards_against_it(name: str, tmp_path: Path) -> None:
    """By what it asserts: a copy that does not even run would fail any test."""
    copy, mistake = copy_of_the_program(tmp_path), MISTAKES[name]
    why_not = mistake.make(copy)
    assert not why_not, why_not
    code, said = run(copy, mistake.test)
    assert code == pytest.ExitCode.TESTS_FAILED, said
    file = mistake.test.partition("::")[0]
    assert re.search(rf"^{file}:\d+: AssertionError$", said, re.MULTILINE), said


def test_copy_without_a_mistake_passes_all_of_them(tmp_path: Path) -> None:
    tests = dict.fromkeys(mistake.test for mistake in MISTAKES.values())
    code, said = run(copy_of_the_program(tmp_path), *tests)
    assert code == pytest.ExitCode.OK, said


def test_mistake_that_cannot_be_made_any_more_is_said(tmp_path: Path) -> None:
    mistake = Mistake(((f"{ARCHIVE}/keeping.py", "what nobody wrote", ""),), "")
    assert mistake.make(copy_of_the_program(tmp_path)) == (
        "this mistake cannot be made any more: in archive/src/shutterbus_archive/keeping.py, 'what nobody wrote' is expected "
        "once and stands there 0 times; write the mistake for the program as it is now"
    )
