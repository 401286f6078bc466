"""What the documents claim, where a machine can tell."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    """A guarantee whose proof was renamed away is a claim."""
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", document.read_text()))

    assert [name for name in sorted(named) if f"def {name}(" not in TESTS] == []


def test_every_variable_of_the_edges_compose_file_is_in_the_example() -> None:
    """What a person may set there and in no settings class."""
    example = set(re.findall(r"(?m)^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text()))
    variables = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.edge.yml").read_text()))
    assert variables - example == {"SHUTTERBUS_TAG"}  # for those who build several versions on one machine


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    """A link to nothing costs a reader the trust in the next one."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())

    assert [target for target in targets if not (document.parent / target).exists()] == []
