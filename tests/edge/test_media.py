"""Films and pictures that an edge plays: in a container they are those in one folder."""

import logging
from pathlib import Path

import pytest

from shutterbus_edge.__main__ import main
from shutterbus_edge.hardware import media


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """The root of one."""
    (tmp_path / ".dockerenv").touch()
    return tmp_path


@pytest.mark.parametrize("source", ["file:/home/pi/film.mp4", "file:film.mp4", "file-once:~/film.mp4"])
def test_file_outside_the_container_is_answered_with_where_to_put_it(source: str, container: Path) -> None:
    """Its path is right, on the machine that the person looks at."""
    sentence = media.missing(source, container)
    assert sentence is not None
    scheme = source.partition(":")[0]
    assert "inside the container. Put it into the folder media beside the compose file" in sentence
    assert sentence.endswith(f"write CAMERA_SOURCE={scheme}:/media/film.mp4.")


def test_file_that_is_not_in_the_folder_is_named_as_it_is_outside(container: Path) -> None:
    """A slip of the pen."""
    sentence = media.missing("file:/media/alps/flim.mp4", container)
    assert sentence is not None
    assert sentence.endswith("which would be media/alps/flim.mp4 beside the compose file.")


def test_file_that_is_there_and_what_is_no_file_are_in_order(tmp_path: Path, container: Path) -> None:
    """Whichever way it came in."""
    film = tmp_path / "film.mp4"
    film.touch()
    for source in (f"file:{film}", f"file:{tmp_path}", "testcard"):
        assert media.missing(source, container) is None


def test_check_and_start_name_the_file_that_is_not_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A start goes on, since a disk may come later."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(media, "CONTAINER_MARKS", ())  # also where these tests run in one
    monkeypatch.setattr(
        "os.environ", {"CAMERA_SOURCE": "file:film.mp4", "SS_BROKERS": "h", "HOME": str(tmp_path)}
    )
    assert main(["check"]) == 1
    said = capsys.readouterr().err
    assert "CAMERA_SOURCE=file:film.mp4: there is no film.mp4." in said

    monkeypatch.setattr("shutterbus_edge.app.run", lambda _: 0)
    with caplog.at_level(logging.WARNING):
        assert main(["run"]) == 0
    assert "there is no film.mp4." in caplog.text
