"""What the documents claim, where a machine can tell."""

import re
import tomllib
from pathlib import Path

import pytest

from shutterbus_wire import __version__

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    """A guarantee whose proof was renamed away is a claim."""
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", document.read_text()))

    assert [name for name in sorted(named) if f"def {name}(" not in TESTS] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    """A link to nothing costs a reader the trust in the next one."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())

    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_all_packages_have_one_version() -> None:
    """They are released together."""
    versions = {
        path.parent.name: tomllib.loads(path.read_text())["project"]["version"]
        for path in [ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml")]
    }

    assert set(versions.values()) == {__version__}, versions
