"""What every store promises. A store's test module imports these, and has the fixture ``store``."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from shutterbus_archive.store import Store, Stored

KEY = "frames/camera=gate/date=2026-11-27/hour=22/a.jpg"
LINES = "telemetry/camera=gate/a.jsonl"
OTHER = "frames/camera=yard/date=2026-11-27/hour=22/b.jpg"


def test_what_was_put_is_read_back(store: Store) -> None:
    assert store.put({KEY: b"picture", OTHER: b"another"}) == {KEY: "new", OTHER: "new"}
    assert (store.read(KEY), store.read(OTHER)) == (b"picture", b"another")
    assert store.read("frames/missing.jpg") is None


def test_same_bytes_again_are_no_error_and_other_bytes_change_nothing(store: Store) -> None:
    store.put({KEY: b"picture"})
    assert store.put({KEY: b"picture"}) == {KEY: "same"}
    assert store.put({KEY: b"others!"}) == {KEY: "other"}
    assert store.read(KEY) == b"picture"


def test_same_object_and_lines_of_the_same_file_may_come_from_several_threads_at_once(store: Store) -> None:
    """As a camera's do that sends over both brokers."""
    together = threading.Barrier(4)

    def write(number: int, which: int) -> Mapping[str, Stored]:
        together.wait(30)
        store.append({LINES: b"%d %d\n" % (number, which)})
        return store.put({f"frames/{number}.jpg": b"picture" * 1_000})

    with ThreadPoolExecutor(4) as threads:
        for number in range(30):
            outcomes = list(threads.map(partial(write, number), range(4)))
            assert sorted(outcome[f"frames/{number}.jpg"] for outcome in outcomes) == [
                "new",
                "same",
                "same",
                "same",
            ]
            assert store.read(f"frames/{number}.jpg") == b"picture" * 1_000
    lines = (store.read(LINES) or b"").decode().splitlines()
    assert sorted(lines) == sorted(f"{number} {which}" for number in range(30) for which in range(4))


def test_file_is_put_in_place_of_what_was_there(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for content in (b"first" * 300_000, b"then"):
        source.write_bytes(content)
        store.put_file("catalog/a.sqlite", source)
        assert store.read("catalog/a.sqlite") == content
    assert [item.key for item in store.objects("catalog/")] == ["catalog/a.sqlite"]


def test_lines_are_added_at_the_end(store: Store) -> None:
    store.append({LINES: b"1\n2\n"})
    store.append({LINES: b"3\n"})
    assert store.read(LINES) == b"1\n2\n3\n"


def test_objects_are_listed_by_prefix_in_order(store: Store) -> None:
    store.put({KEY: b"picture", OTHER: b"another", "quarantine/camera=gate/x": b""})
    assert [(item.key, item.size_bytes) for item in store.objects("frames/")] == [(KEY, 7), (OTHER, 7)]
    assert [item.key for item in store.objects("frames/camera=y")] == [OTHER]
    assert list(store.objects("nothing/")) == []


def test_keys_are_those_of_the_objects_and_each_is_described(store: Store) -> None:
    before_us = time.time_ns() // 1_000 - 60_000_000
    store.put({KEY: b"picture", OTHER: b"another"})
    assert list(store.keys("frames/")) == [KEY, OTHER]
    assert list(store.keys("frames/camera=gate/date=2026-11-28/")) == []
    described = store.head(KEY)
    assert described is not None
    assert (described.key, described.size_bytes) == (KEY, 7)
    assert before_us < described.modified_us < before_us + 600_000_000
    assert [described] == list(store.objects(KEY))
    assert store.head("frames/camera=gate") is None
    assert store.head("frames/missing/a.jpg") is None


def test_folders_are_what_follows_a_prefix(store: Store) -> None:
    store.put({KEY: b"picture", OTHER: b"another", "frames/camera=gate/date=2026-11-28/hour=00/c.jpg": b""})
    assert list(store.folders("frames/camera=")) == ["gate", "yard"]
    assert list(store.folders("frames/camera=gate/date=")) == ["2026-11-27", "2026-11-28"]
    assert list(store.folders("frames/camera=gate/date=2026-11-27/hour=22/")) == []


def test_what_was_removed_is_gone_and_removing_it_again_is_no_error(store: Store) -> None:
    store.put({KEY: b"picture", OTHER: b"another"})
    for _ in range(2):
        store.remove([KEY])
    assert [item.key for item in store.objects("frames/")] == [OTHER]


def test_room_is_that_of_its_place(store: Store) -> None:
    room = store.room()
    assert 0 < room.free_bytes <= room.total_bytes
