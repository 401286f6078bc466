"""The command ``shutterbus-edge``, as a person and a script call it."""

import json
from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_edge import app
from shutterbus_edge.__main__ import main
from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.hardware import media
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.spool import Spool


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing but what the test says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(media, "CONTAINER_MARKS", ())  # also where these tests run in one
    monkeypatch.setattr(
        "os.environ",
        {
            "HOME": str(tmp_path),
            "SPOOL_DIR": str(tmp_path / "spool"),
            "CAMERA_SOURCE": "testcard",
            "SS_BROKERS": "h",
            "SS_USERNAME": "u",
            "SS_PASSWORD": "hunter2",
            "TZ": "Asia/Tokyo",
        },
    )


def test_check_says_yes_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0

    output = capsys.readouterr()
    assert output.out.startswith("The settings can be used: testcard as a camera named at the first start")
    assert output.err == "The broker's password is sent unencrypted: set SS_TLS.\n"


def test_check_says_every_problem_on_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCHEDULE", "0")
    monkeypatch.setenv("SPOOL_MAXAGE", "1")

    assert main(["check"]) == 1

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines()[0] == "SPOOL_MAXAGE is not a setting; did you mean SPOOL_MAX_AGE?"
    assert output.err.splitlines()[1].startswith("SCHEDULE=0 cannot be used")


def test_check_tries_the_spool_folder_and_looks_for_the_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPOOL_DIR", str(tmp_path / "file"))
    monkeypatch.setenv("CAMERA_SOURCE", f"file:{tmp_path}/film.mp4")

    assert main(["check"]) == 1

    spool, source = capsys.readouterr().err.splitlines()[-2:]
    assert spool.startswith(f"the spool folder {tmp_path}/file cannot be used (")
    assert source == f"CAMERA_SOURCE=file:{tmp_path}/film.mp4: there is no {tmp_path}/film.mp4."


def test_check_beside_an_edge_that_runs_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SPOOL_DIR", str(tmp_path))
    with Spool(tmp_path, camera="gate", clock=FakeClock(), background=False):
        assert main(["check"]) == 0


def test_check_for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True

    monkeypatch.setenv("SCHEDULE", "")
    assert main(["check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0].startswith("SCHEDULE is empty")


def test_settings_show_value_and_source_and_hide_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("SPOOL_MAX_AGE=3d\n")

    assert main(["settings"]) == 0

    output = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines()}
    assert rows["SPOOL_MAX_AGE"] == ["3d", ".env"]
    assert rows["SS_BROKERS"] == ["h:9092", "environment"]
    assert rows["SS_PASSWORD"] == ["********", "environment"]
    assert rows["HEALTH_PORT"] == ["8081", "default"]
    assert "hunter2" not in output


def test_settings_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--json", "--all"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert {"name": "SS_PASSWORD", "value": "********", "source": "environment"} in rows
    assert {"name": "PICAMERA_ISO", "value": "", "source": "default"} in rows


def test_schedule_prints_ten_times_with_their_zone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", "every day at 10:30"]) == 0

    head, *times = capsys.readouterr().out.splitlines()
    assert head == "Every day at 10:30, by the clock of Asia/Tokyo."
    assert len(times) == 10
    assert all(line.endswith("10:30:00 +0900 JST") for line in times)


def test_schedule_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", "5m", "-n", "3", "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["zone"] == "Asia/Tokyo"
    assert len(printed["times"]) == 3


def test_schedule_that_is_none_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", "every 5 mintues"]) == 1
    assert "did you mean minutes?" in capsys.readouterr().err


def test_schedule_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schedule"]) == 1
    assert "SCHEDULE is not set" in capsys.readouterr().err

    monkeypatch.setenv("SCHEDULE", "9:30")
    assert main(["schedule"]) == 0
    assert "09:30:00 +0900 JST" in capsys.readouterr().out


def test_run_runs_the_edge_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(settings: EdgeSettings) -> int:
        seen.append(settings.camera_source)
        return 0

    monkeypatch.setattr(app, "run", run)

    assert main(["run"]) == 0
    assert seen == ["testcard"]


def test_run_says_what_to_fix_and_exits_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def misconfigured(_: object) -> int:
        raise MisconfiguredError("/spool is read-only: choose another SPOOL_DIR")

    monkeypatch.setattr(app, "run", misconfigured)

    assert main(["run"]) == 1
    assert capsys.readouterr().err.endswith("/spool is read-only: choose another SPOOL_DIR\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["schedule", "--help"]])
def test_help_and_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 0
    assert "shutterbus-edge" in capsys.readouterr().out
