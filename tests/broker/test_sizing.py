"""How much memory each service may use."""

import datetime as dt
import re
from pathlib import Path

import pytest

from shutterbus_broker import dotenv, initialise, sizing
from shutterbus_broker.doctor import machine
from shutterbus_broker.doctor.sizes import memory as kafka_memory
from shutterbus_broker.errors import SetupError

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
MIB = sizing.MIB
BOTH = frozenset({"kafka", "mqtt"})
MACHINES_MIB = {"2 GB": 1849, "4 GB": 3791, "8 GB": 7810}
"""What the kernel of a Raspberry Pi 4 reports of each."""


def _fresh(folder: Path, total_mib: int, env: str = "") -> tuple[dict[str, str], list[str]]:
    said: list[str] = []
    (folder / ".env").write_text(env)
    initialise.run(folder, "192.168.1.10", said.append, NOW, total_mib * MIB)
    return dotenv.read(folder / ".env"), said


@pytest.mark.parametrize("name", MACHINES_MIB)
def test_limits_of_a_new_server_leave_room_for_the_system(name: str, tmp_path: Path) -> None:
    """On each machine that the README names."""
    settings, said = _fresh(tmp_path, MACHINES_MIB[name])
    together = sum(sizing.limits(settings, BOTH).values())
    assert together + sizing.SYSTEM_BYTES <= MACHINES_MIB[name] * MIB
    assert not [sentence for sentence in said if sentence.startswith("Careful")]
    heap = {"queued.max.request.bytes": settings["KAFKA_QUEUED_MAX_REQUEST_BYTES"]}
    assert kafka_memory(heap, settings["KAFKA_HEAP_OPTS"]).status == "ok"


def test_larger_machine_gets_larger_limits(tmp_path: Path) -> None:
    """They are used, not only allowed."""
    kafka = []
    for name, total_mib in MACHINES_MIB.items():
        (tmp_path / name).mkdir()
        settings, _ = _fresh(tmp_path / name, total_mib)
        kafka.append(sizing.limits(settings, BOTH)["kafka"])
    assert kafka == sorted(set(kafka))


def test_one_gigabyte_is_enough_for_mosquitto_viewer_and_archive_and_not_for_kafka(tmp_path: Path) -> None:
    """The sentence says which line of .env helps."""
    (tmp_path / "small").mkdir()
    settings, said = _fresh(tmp_path / "small", 905, "COMPOSE_PROFILES=mqtt\n")
    assert not [sentence for sentence in said if "together" in sentence]
    assert set(sizing.limits(settings, frozenset({"mqtt"}))) == {"mosquitto", "viewer", "archive"}
    _, said = _fresh(tmp_path, 905)
    (sentence,) = [sentence for sentence in said if "together" in sentence]
    assert "this machine has 905 with 160 for the system: the kernel may end one of them" in sentence
    assert "COMPOSE_PROFILES=mqtt" in sentence


def test_what_a_person_set_stays_and_what_goes_with_it_is_not_guessed(tmp_path: Path) -> None:
    """A heap of 2 GB in a container of 640 MB would end it."""
    settings, _ = _fresh(tmp_path, MACHINES_MIB["2 GB"], "KAFKA_HEAP_OPTS='-Xmx2g'\nVIEWER_MEMORY=300m\n")
    assert settings["KAFKA_HEAP_OPTS"] == "-Xmx2g"
    assert "KAFKA_MEMORY" not in settings
    assert settings["VIEWER_MEMORY"] == "300m"
    assert settings["MOSQUITTO_MEMORY"] == "192m"


def test_server_that_runs_is_not_resized_by_make_init(tmp_path: Path) -> None:
    """A new limit restarts a broker; the doctor says where one is needed."""
    _fresh(tmp_path, MACHINES_MIB["8 GB"])
    before = (tmp_path / ".env").read_text()
    initialise.run(tmp_path, None, lambda _: None, NOW, MACHINES_MIB["2 GB"] * MIB)
    assert (tmp_path / ".env").read_text() == before


def test_doctor_adds_the_limits_up_and_says_what_fits() -> None:
    """As the compose file has them where .env says nothing, on a machine that is too small for them."""
    limits = sizing.limits({}, BOTH)
    result = machine.memory_room(limits, 1849 * MIB, BOTH)
    assert result.status == "warning"
    assert (
        "the services may use 3840 MiB together (archive 384, kafka 2048, mosquitto 768, setup 128, viewer 512)"
        in result.sentence
    )
    assert result.fix is not None
    assert "KAFKA_MEMORY=576m KAFKA_HEAP_OPTS='-Xms192m -Xmx320m'" in result.fix
    fitting = sizing.limits(sizing.plan(1849 * MIB, BOTH).settings(), BOTH)
    assert machine.memory_room(fitting, 1849 * MIB, BOTH).status == "ok"


def test_defaults_are_those_of_the_compose_file() -> None:
    """The doctor reckons with them where .env says nothing."""
    text = (Path(__file__).parents[2] / "compose.server.yml").read_text()
    written = dict(re.findall(r"(?m)^  (\w+):\n(?:    .*\n)*?    mem_limit: (\S+)$", text))
    for service, default in sizing.DEFAULTS.items():
        name = sizing.SETTINGS.get(service)
        assert written[service] == (f'"${{{name}:-{default}}}"' if name else default)


def test_limit_that_is_no_size_is_a_sentence() -> None:
    """With the name of the setting."""
    with pytest.raises(SetupError, match="KAFKA_MEMORY='much'"):
        sizing.limits({"KAFKA_MEMORY": "much"}, BOTH)
