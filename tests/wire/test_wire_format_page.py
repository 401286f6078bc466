"""The specification says what the code does, or a stranger's program would not work."""

import re
from pathlib import Path

import shutterbus_wire
from shutterbus_wire import metadata_json, telemetry
from wire.golden import FRAME

PAGE = (Path(__file__).parent.parent.parent / "docs" / "wire-format.md").read_text()


def test_the_annotated_bytes_are_those_of_the_golden_frame() -> None:
    lines = re.findall(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} )+) ", PAGE, re.MULTILINE)
    assert len(lines) > 10
    for offset, text in lines:
        at, data = int(offset, 16), bytes.fromhex(text)
        assert FRAME.data[at : at + len(data)] == data, offset


def test_every_member_of_all_telemetry_is_in_the_tables() -> None:
    for model in (telemetry.Status, telemetry.Report, telemetry.Reading, telemetry.Dropped):
        for name in (*model.model_fields, *model.model_computed_fields):
            assert f"`{name}`" in PAGE


def test_every_member_of_the_comment_is_in_the_table() -> None:
    members = re.findall(rb'"([a-z_]+)":', metadata_json.write(FRAME.metadata).partition(b'"metadata"')[0])
    for name in (*(member.decode() for member in members), "metadata", "minted", "left_out"):
        assert f"`{name}`" in PAGE


def test_every_word_for_a_refusal_is_explained() -> None:
    """The words become names of folders and counters that people look up."""
    source = "".join(path.read_text() for path in Path(shutterbus_wire.__file__).parent.glob("*.py"))
    words = set(re.findall(r'MalformedError\(\s*"([a-z-]+)"', source)) | {"bad-record", "unknown-version"}
    assert len(words) >= 12
    assert [word for word in sorted(words) if f"`{word}`" not in PAGE] == []
