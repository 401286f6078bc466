"""The packages are the folders with a pyproject.toml. What has to repeat that list repeats all of it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from shutterbus_broker.enrollment_bundle import SOURCES
from shutterbus_wire import __version__

ROOT = Path(__file__).parents[1]
PROJECTS: dict[str, dict[str, Any]] = {
    path.parent.name: tomllib.loads(path.read_text()) for path in sorted(ROOT.glob("*/pyproject.toml"))
}
PACKAGES = set(PROJECTS)
FOUNDATIONS = {"wire", "runtime", "transport"}
"""What stages stand on; every other package is a stage."""
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS = {contract["name"]: contract for contract in TOOLS["importlinter"]["contracts"]}


def modules(packages: set[str]) -> set[str]:
    return {f"shutterbus_{package}" for package in packages}


def ours(names: list[str]) -> set[str]:
    return {name for name in names if name.startswith("shutterbus_")}


def needed_by(package: str) -> set[str]:
    """Return *package* and all of ours that it stands on."""
    words = (re.fullmatch(r"shutterbus-(\w+)", word) for word in PROJECTS[package]["project"]["dependencies"])
    return {package}.union(*(needed_by(word[1]) for word in words if word))


def test_all_packages_have_one_version() -> None:
    """They are released together."""
    versions = {name: project["project"]["version"] for name, project in PROJECTS.items()}
    versions["the root"] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert {name: version for name, version in versions.items() if version != __version__} == {}


@pytest.mark.parametrize("package", PROJECTS)
def test_a_package_is_made_as_all_are(package: str) -> None:
    """Named after its folder, typed, tested, locked, and with its place told for each of ours that it needs."""
    project = PROJECTS[package]
    needed = needed_by(package) - {package}

    assert project["project"]["name"] == f"shutterbus-{package}"
    assert project["tool"]["flit"]["module"]["name"] == f"shutterbus_{package}"
    assert (ROOT / package / "src" / f"shutterbus_{package}" / "py.typed").exists()
    assert (ROOT / package / "requirements.txt").exists()
    assert (ROOT / "tests" / package).is_dir()
    assert project["tool"].get("uv", {}).get("sources", {}) == {
        f"shutterbus-{name}": {"path": f"../{name}", "editable": True} for name in needed
    }


def test_types_and_import_rules_are_checked_in_every_package() -> None:
    """One that is left out would be checked for nothing, and nobody would be told."""
    assert {Path(path).parent.name for path in TOOLS["mypy"]["mypy_path"]} - {""} == PACKAGES
    assert set(TOOLS["importlinter"]["root_packages"]) == modules(PACKAGES)


def test_every_package_is_in_the_import_rules() -> None:
    """A stage knows no other; the three that all stand on know none."""
    forbidden = {
        "wire stands on the standard library and pydantic alone": PACKAGES - {"wire"},
        "runtime knows nothing of frames, cameras and brokers": PACKAGES - {"runtime"},
        "transport knows no stage": PACKAGES - FOUNDATIONS,
    }
    independent = CONTRACTS["Stages know wire, runtime and transport, and nothing of each other"]
    without_clients = CONTRACTS["transport alone imports the client libraries"]

    assert set(independent["modules"]) == modules(PACKAGES - FOUNDATIONS)
    assert set(without_clients["source_modules"]) == modules(PACKAGES - {"transport"})
    for name, packages in forbidden.items():
        assert ours(CONTRACTS[name]["forbidden_modules"]) == modules(packages), name


@pytest.mark.parametrize("dockerfile", sorted(ROOT.glob("*/Dockerfile")), ids=lambda path: path.parent.name)
def test_an_image_holds_its_package_and_what_that_stands_on(dockerfile: Path) -> None:
    """Copied, installed, and let through to the builder."""
    text, needed = dockerfile.read_text(), needed_by(dockerfile.parent.name)
    installed = next(line for line in text.splitlines() if "--no-deps --no-build-isolation" in line)
    let_through = re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert set(re.findall(r"^COPY (\w+) \S*\w+$", text, re.MULTILINE)) == needed
    assert (
        set(re.findall(r"(?<=/)(\w+)(?= |$)", installed.partition("--no-build-isolation")[2])) - {"added"}
        == needed
    )
    assert needed <= set(let_through)


def test_a_camera_is_given_all_that_its_edge_is_built_from() -> None:
    """The file that enroll writes; and the command that replaces it on the Pi removes just that."""
    removed = re.search(r"^SOURCES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert removed
    assert set(SOURCES) == set(removed[1].split()) == needed_by("edge")
