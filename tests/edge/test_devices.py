"""Running without privilege on this very board."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from machine import needs
from shutterbus_edge import __main__
from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.hardware import devices
from shutterbus_edge.hardware.devices import override

PI = """Character devices:
  1 mem
  4 /dev/vc/0
 81 video4linux
240 rpivid-mem
250 dma_heap
511 media

Block devices:
  8 sd
179 mmc
"""
COMPOSE = Path(__file__).parents[2] / "compose.edge.yml"


def board(root: Path, devices: str) -> Path:
    (root / "proc").mkdir()
    (root / "proc/devices").write_text(devices)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a camera's compose file in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(COMPOSE, folder / "compose.yml")
    return folder


def test_only_the_majors_of_cameras_are_allowed(tmp_path: Path) -> None:
    """Not the disk, not the serial console."""
    rules = [line.split('"')[1] for line in override(board(tmp_path, PI)).splitlines() if '"c ' in line]

    assert rules == ["c 81:* rmw", "c 511:* rmw", "c 250:* rmw"]


def test_a_board_without_cameras_says_so(tmp_path: Path) -> None:
    """An empty list would be an edge that starts and never sees anything."""
    with pytest.raises(MisconfiguredError, match="no video4linux devices"):
        override(board(tmp_path, "Character devices:\n  1 mem\n\nBlock devices:\n 81 video4linux\n"))


def test_compose_finds_the_override_and_privilege_and_project_are_gone(tmp_path: Path, project: Path) -> None:
    """What is mounted besides stays, and what a person mounts as well."""
    has_compose = (
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    )
    needs(has_compose, "docker compose is not installed")

    def edge() -> dict[str, Any]:
        config = subprocess.run(
            ["docker", "compose", "config", "--format", "json"],
            cwd=project,
            env={name: os.environ[name] for name in ("PATH", "HOME")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert config.stderr == ""
        service: dict[str, Any] = json.loads(config.stdout)["services"]["edge"]
        return service

    before = edge()
    devices.write(override(board(tmp_path, PI)), project)
    after = edge()

    assert before["privileged"] is True
    assert not after.get("privileged")
    assert "c 511:* rmw" in after["device_cgroup_rules"]
    mounts = [{mount["target"]: mount for mount in service["volumes"]} for service in (before, after)]
    assert mounts[0].pop("/project")["source"] == str(project)
    assert mounts[1]["/project"]["read_only"] is True
    assert mounts[1].pop("/project")["source"] == "/dev/null"
    assert mounts[0] == mounts[1]
    assert mounts[1]["/media"]["source"] == str(project / "media")


def test_override_is_written_as_a_file_of_the_folders_owner(project: Path) -> None:
    """The container is root; who unpacked the folder edits and deletes what is in it. Nothing half written stays."""
    if os.geteuid() == 0:
        os.chown(project, 12345, 54321)
    (project / "compose.override.yml").write_text("older, and longer than what comes\n" * 99)

    devices.write("services: {}\n", project)

    written = project / "compose.override.yml"
    assert written.read_text() == "services: {}\n"
    assert (written.stat().st_uid, written.stat().st_gid) == (project.stat().st_uid, project.stat().st_gid)
    assert written.stat().st_mode & 0o777 == 0o644
    assert {path.name for path in project.iterdir()} == {"compose.yml", "compose.override.yml"}


def test_folder_that_cannot_be_written_is_a_sentence(project: Path) -> None:
    """And leaves nothing behind."""
    (project / "compose.override.yml").mkdir()

    with pytest.raises(
        MisconfiguredError, match=r"compose\.override\.yml cannot be written .*: Is a directory"
    ):
        devices.write("services: {}\n", project)

    assert {path.name for path in project.iterdir()} == {"compose.yml", "compose.override.yml"}


@pytest.mark.parametrize(
    ("compose_file", "files", "how"),
    [
        ("compose.yml", None, "docker compose up -d"),
        ("compose.edge.yml", None, "docker compose -f compose.edge.yml -f compose.override.yml up -d"),
        # Beside a server, whose .env names the server's files.
        (
            "compose.edge.yml",
            "compose.server.yml",
            "docker compose -f compose.edge.yml -f compose.override.yml up -d",
        ),
        (
            "compose.yml",
            "compose.yml:films.yml",
            "write COMPOSE_FILE=compose.yml:films.yml:compose.override.yml into .env, then docker compose up -d",
        ),
        ("compose.yml", "compose.yml:compose.override.yml", "docker compose up -d"),
    ],
)
def test_next_command_makes_compose_read_the_override(compose_file: str, files: str | None, how: str) -> None:
    """Compose finds it by itself only beside a compose.yml, and while COMPOSE_FILE is not set."""
    assert devices.how_to_use(compose_file, {"COMPOSE_FILE": files} if files else {}) == how


def test_command_writes_the_override_or_prints_it_where_no_project_is_mounted(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not under the override itself, which takes the folder away; then what would write it is named."""
    monkeypatch.setattr(devices, "override", lambda **_: "services: {}\n")
    monkeypatch.setattr(devices, "PROJECT", project)
    monkeypatch.delenv("COMPOSE_FILE", raising=False)

    assert __main__.main(["devices"]) == 0
    written = (project / "compose.override.yml").read_text()
    said = capsys.readouterr()
    assert (written, said.err) == ("services: {}\n", "")
    assert said.out == "Wrote compose.override.yml. To run so: docker compose up -d\n"

    (project / "compose.yml").unlink()
    assert __main__.main(["devices"]) == 0
    said = capsys.readouterr()
    assert said.out == "services: {}\n"
    assert said.err.endswith(": docker compose -f compose.yml run --rm edge devices\n")
