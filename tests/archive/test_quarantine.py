"""What cannot be used is kept within bounds, can be looked at, and comes back when a person says so."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from archive.fakes_archive import (
    EPOCH,
    NOW_US,
    Rig,
    bare_delivery,
    delivery,
    frame,
    reading,
    telemetry_delivery,
)
from shutterbus_archive.__main__ import main
from shutterbus_archive.audit import Audit
from shutterbus_archive.catalog import Ageing, QuarantineRow, beside, schema
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.keeping import Archive
from shutterbus_archive.quarantine import Bounds
from shutterbus_archive.rebuild import Rebuild
from shutterbus_archive.release import release
from shutterbus_transport.consuming import Delivery
from shutterbus_wire.store_layout import content_epoch
from wire.pictures import BARE_JPEG

TORN = frame(7).data[:-30]


def messages(rig: Rig) -> list[Path]:
    return sorted(p for p in (rig.root / "quarantine").rglob("*") if p.is_file() and p.suffix != ".json")


def only(rig: Rig) -> QuarantineRow:
    [row] = rig.catalog.quarantined()
    return row


def released(rig: Rig) -> str:
    number = only(rig).id
    assert number is not None
    return release(rig.archive, number)


def misdirected(seq: int = 7) -> Delivery:
    sent = delivery(seq, camera="yard")
    return replace(sent, arrival=replace(sent.arrival, topic="shutterbus.gate.frames"))


def test_oldest_messages_of_a_camera_go_and_those_of_another_stay(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.archive = Archive(
        rig.store, rig.catalog, rig.clock, floor=rig.archive.floor, quarantine=Bounds(25, 5)
    )
    rig.keeper._archive = rig.archive
    rig.take(bare_delivery(b"nonsense", topic="shutterbus.yard.frames"))
    for seq in range(8):
        rig.take(bare_delivery(b"x%d" % seq, seq=seq))
    assert [row.position for row in rig.catalog.quarantined("gate")] == [f"0:{seq}" for seq in range(3, 8)]
    rig.take(bare_delivery(b"y" * 20, seq=8))
    assert [row.position for row in rig.catalog.quarantined("gate")] == ["0:6", "0:7", "0:8"]
    assert len(rig.catalog.quarantined("yard")) == 1
    assert len(messages(rig)) == 4
    assert rig.archive.quarantine.discarded == {"gate": 6}
    assert rig.keeper.kept["discarded"] == 6
    assert Ageing(rig.catalog).garbage() == []
    assert "1 of the oldest messages of gate have left quarantine" in caplog.text


def numbers(rig: Rig, state: str) -> list[tuple[int, int]]:
    """Return the spans of what is in *state*, of the one epoch that there is."""
    with rig.catalog.transaction() as connection:
        table = schema.span
        query = select(table.c.first, table.c.last).where(table.c.state == state).order_by(table.c.first)
        return [(first, last) for first, last in connection.execute(query)]


def torn(seq: int) -> Delivery:
    """Return a frame of ours whose end did not come, with its attributes."""
    sent = delivery(seq)
    return replace(sent, arrival=replace(sent.arrival, value=sent.arrival.value[:-30]))


def unreadable(seq: int) -> Delivery:
    """Return a frame of ours of which only the attributes say which one it is."""
    sent = delivery(seq)
    return replace(sent, arrival=replace(sent.arrival, value=b"nonsense"))


def test_number_of_a_frame_that_cannot_be_used_is_known_until_it_comes_whole(rig: Rig) -> None:
    rig.take(delivery(0), torn(1), unreadable(2), bare_delivery(frame(3).data[:-30]), delivery(4))
    assert (numbers(rig, "archived"), numbers(rig, "quarantined")) == ([(0, 0), (4, 4)], [(1, 3)])
    Rebuild(rig.store, rig.catalog).run()
    rig.take(delivery(2))
    assert (numbers(rig, "archived"), numbers(rig, "quarantined")) == (
        [(0, 0), (2, 2), (4, 4)],
        [(1, 1), (3, 3)],
    )
    rig.take(torn(2))
    assert numbers(rig, "quarantined") == [(1, 1), (3, 3)]


def test_number_stays_known_when_its_message_has_left_quarantine(rig: Rig) -> None:
    rig.take(torn(1), torn(2))
    rig.archive.quarantine.remove(rig.catalog.quarantined()[:1])
    assert numbers(rig, "quarantined") == [(1, 2)]
    released(rig)
    assert (numbers(rig, "archived"), numbers(rig, "quarantined")) == ([(2, 2)], [(1, 1)])


def test_message_that_names_two_frames_or_the_frame_of_another_camera_speaks_for_no_number(rig: Rig) -> None:
    sent = delivery(7)
    attributes = {**sent.arrival.attributes, "id": f"{EPOCH}-8"}
    rig.take(misdirected(), replace(sent, arrival=replace(sent.arrival, attributes=attributes)))
    assert [row.reason for row in rig.catalog.quarantined()] == ["topic-mismatch", "identity-conflict"]
    assert numbers(rig, "quarantined") == []


def test_same_message_that_comes_again_is_there_once(rig: Rig) -> None:
    rig.take(bare_delivery(b"nonsense"))
    rig.clock.pass_s(5)
    again = bare_delivery(b"nonsense")
    rig.take(replace(again, arrival=replace(again.arrival, arrived_at_us=NOW_US + 5_000_000)))
    assert len(messages(rig)) == len(rig.catalog.quarantined()) == 1


def test_picture_that_broke_off_in_another_one_is_torn(rig: Rig) -> None:
    """Both marks are there, the end even twice."""
    rig.take(bare_delivery(frame(0).data[:-40] + frame(1).data))
    assert only(rig).reason == "torn-picture"


@pytest.mark.parametrize("envelope", ["kafka", "mqtt"])
def test_torn_picture_is_released_as_the_frame_that_it_says_it_is(rig: Rig, envelope: str) -> None:
    sent = bare_delivery(TORN)
    if envelope == "mqtt":
        arrival = replace(sent.arrival, transport="mqtt", topic="shutterbus/gate/frames", position=None)
        sent = replace(sent, arrival=arrival)
    rig.take(sent)
    assert released(rig) == f"message 1 released as frame {EPOCH}-7 of gate"
    [file] = (rig.root / "frames").rglob("*.jpg")
    assert file.read_bytes() == TORN
    assert (rig.catalog.quarantined(), messages(rig)) == ([], [])
    rig.take(bare_delivery(TORN))
    assert released(rig) == f"message 1 is in the archive already, as frame {EPOCH}-7 of gate"


def test_conflict_is_released_with_an_id_of_its_own_that_audit_and_rebuild_accept(rig: Rig) -> None:
    rig.take(delivery(0), delivery(1))
    forged = delivery(0, note="forged")
    rig.take(forged)
    assert released(rig) == (
        f"message 1 released as frame {content_epoch(forged.arrival.value)}-0 of gate: another one has {EPOCH}-0"
    )
    assert rig.archived == 3
    with beside.reading(rig.state) as connection:
        [day] = Audit(connection, rig.store, "content").run()
    assert (day.frames, day.damaged) == (3, [])
    rig.close()
    for path in rig.state.iterdir():
        path.unlink()
    rig.open()
    assert Rebuild(rig.store, rig.catalog).run().left_out == []
    assert rig.archived == 3


def test_picture_on_the_topic_of_another_camera_is_released_to_the_one_it_names(rig: Rig) -> None:
    rig.take(misdirected())
    assert only(rig).reason == "topic-mismatch"
    assert released(rig) == f"message 1 released as frame {EPOCH}-7 of yard"


def test_picture_with_headers_that_differ_is_released_as_what_it_says_itself(rig: Rig) -> None:
    sent = delivery(7)
    attributes = {**sent.arrival.attributes, "sequence": "8"}
    rig.take(replace(sent, arrival=replace(sent.arrival, attributes=attributes)))
    assert only(rig).reason == "identity-conflict"
    assert released(rig) == f"message 1 released as frame {EPOCH}-7 of gate"


def test_only_the_check_that_refused_it_is_waived(rig: Rig) -> None:
    torn = misdirected()
    rig.take(replace(torn, arrival=replace(torn.arrival, value=torn.arrival.value[:-30])))
    assert only(rig).reason == "torn-picture"
    with pytest.raises(ArchiveError, match=r"cannot be read, .* \(topic-mismatch: a picture of yard"):
        released(rig)
    assert len(messages(rig)) == 1


@pytest.mark.parametrize("value", [b"nonsense", b"", BARE_JPEG[:40]])
def test_what_cannot_be_read_cannot_be_released_and_says_what_to_type(rig: Rig, value: bytes) -> None:
    rig.take(bare_delivery(value))
    with pytest.raises(
        ArchiveError, match=r"cannot be read, and so not be released .*quarantine drop 1 removes it"
    ):
        released(rig)
    assert only(rig).id == 1


def test_torn_picture_of_a_foreign_topic_stays_with_its_camera(rig: Rig) -> None:
    rig.take(bare_delivery(BARE_JPEG[:-2], topic="Holiday", seq=3))
    camera = only(rig).camera
    assert f"of {camera}" in released(rig)
    assert rig.catalog.totals().keys() == {camera}


def test_reading_on_the_topic_of_another_camera_is_released_to_its_own(rig: Rig) -> None:
    sent = telemetry_delivery(reading(4, camera="yard"))
    rig.keeper.telemetry(replace(sent, arrival=replace(sent.arrival, topic="shutterbus.gate.telemetry")))
    rig.keeper.turn(more=False)
    assert released(rig) == f"message 1 released as readings-cpu {EPOCH}-4 of yard"
    assert (rig.root / "telemetry/camera=yard").is_dir()


def test_quarantine_is_made_anew_from_its_files(rig: Rig) -> None:
    rig.take(bare_delivery(TORN, seq=1), bare_delivery(b"nonsense", seq=2), misdirected())
    before = {replace(row, id=None) for row in rig.catalog.quarantined()}
    bare = rig.root / "quarantine/camera=gate/old"
    bare.write_bytes(b"of an older version")
    rig.close()
    for path in rig.state.iterdir():
        path.unlink()
    rig.open()
    assert Rebuild(rig.store, rig.catalog).run().quarantined == 4
    rows = {replace(row, id=None) for row in rig.catalog.quarantined()}
    assert before < rows
    [unknown] = rows - before
    assert (unknown.camera, unknown.reason, unknown.size_bytes) == ("gate", "unknown", 19)


@pytest.fixture
def command(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A rig whose archive runs, and whose settings are in the environment."""
    monkeypatch.chdir(rig.state)
    monkeypatch.setenv("ARCHIVE_STATE_DIR", str(rig.state))
    monkeypatch.setenv("ARCHIVE_DIR", str(rig.root))
    monkeypatch.setenv("ARCHIVE_MIN_FREE", "0")
    monkeypatch.setenv("ARCHIVE_KAFKA_BROKERS", "localhost")
    rig.catalog.note(schema.STORE, rig.marker.store)
    return rig


def test_commands_list_show_release_and_drop_beside_a_running_archive(
    command: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    command.take(bare_delivery(TORN, seq=1), bare_delivery(b"nonsense", seq=2))
    assert main(["quarantine", "list"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert said[0].startswith("1  2026-11-27T22:04:00.123456Z  gate  torn-picture  ")
    assert main(["quarantine", "list", "--json", "--camera", "yard"]) == 0
    assert json.loads(capsys.readouterr().out) == []

    assert main(["quarantine", "show", "1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (command.root / shown["file"]).read_bytes() == TORN
    assert shown["position"] == "0:1"

    assert main(["quarantine", "release", "1", "2", "--json"]) == 1
    assert [answer["released"] for answer in json.loads(capsys.readouterr().out)] == [True, False]
    assert command.archived == 1
    assert main(["quarantine", "drop", "2"]) == 0
    assert capsys.readouterr().out == "message 2 of gate dropped\n"
    assert main(["quarantine"]) == 0
    assert capsys.readouterr().out == "Nothing is in quarantine.\n"
    assert main(["quarantine", "show", "2"]) == 1
    assert "there is no message 2 in quarantine" in capsys.readouterr().err
    command.take(delivery(9))
    assert command.archived == 2
