"""The images as the bake file and the compose files name them; nothing is built."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from machine import needs

ROOT = Path(__file__).parents[1]


def docker(*arguments: str, folder: Path, **settings: str) -> str:
    """Run docker with nothing but *settings* in its environment, and return what it prints."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=folder,
        env={name: os.environ[name] for name in ("PATH", "HOME")} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def baked(**settings: str) -> dict[str, Any]:
    """Return every target of the bake file."""
    has_buildx = (
        subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0
    )
    needs(has_buildx, "docker buildx is not installed")
    targets: dict[str, Any] = json.loads(docker("buildx", "bake", "--print", folder=ROOT, **settings))[
        "target"
    ]
    return targets


@pytest.mark.parametrize("settings", [{}, {"SHUTTERBUS_TAG": "v1"}], ids=["as they are", "with a tag"])
def test_what_is_baked_is_what_compose_starts(settings: dict[str, str], tmp_path: Path) -> None:
    """One variable for both, so that images baked elsewhere are found and none is built."""
    for file in ROOT.glob("compose.*.yml"):
        shutil.copy(file, tmp_path)
    for camera in ("demo-kafka", "demo-mqtt"):
        (tmp_path / "state/demo" / camera).mkdir(parents=True)
        (tmp_path / "state/demo" / camera / ".env").touch()
    (tmp_path / ".env").write_text("SERVER_NAME=server.test\nCOMPOSE_PROFILES=*\n")
    wanted = set()
    for files, target in (
        ("compose.server.yml:compose.demo.yml", ""),
        ("compose.edge.yml", "debian"),
        ("compose.edge.yml", "raspberrypi"),
    ):
        environment = {"COMPOSE_FILE": files, "EDGE_TARGET": target, **settings}
        wanted |= set(docker("compose", "config", "--images", folder=tmp_path, **environment).split())

    tags = {tag for target in baked(**settings).values() for tag in target["tags"]}

    assert tags == {image for image in wanted if image.startswith("shutterbus-")}
    assert len(tags) == 5


def test_no_registry_is_asked_for_an_image_that_is_built_here() -> None:
    """No registry has it, and the answer looks like a failure: at its first start an edge would begin with one."""
    for file in ROOT.glob("compose.*.yml"):
        text = file.read_text()
        assert text.count("    image: ${EDGE_IMAGE") + len(
            re.findall(r"image: shutterbus-", text)
        ) == text.count("pull_policy: never"), file.name


def test_every_image_is_for_both_kinds_of_machine() -> None:
    """But the one whose packages there are for the Pi's processors alone."""
    both = ["linux/arm64", "linux/amd64"]
    assert {name: target["platforms"] for name, target in baked().items()} == {
        "broker": both,
        "viewer": both,
        "archive": both,
        "edge-debian": both,
        "edge-raspberrypi": ["linux/arm64"],
    }
