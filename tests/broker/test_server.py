"""``init``, ``enroll`` and ``revoke`` in a folder, with no broker."""

import contextlib
import datetime as dt
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from shutterbus_broker import authority, backup, disk, dotenv, enroll, hosts, initialise, mosquitto
from shutterbus_broker.doctor import CheckContext, run_doctor
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import Identities
from shutterbus_broker.installation import Installation, message_max_bytes

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
ROOT = Path(__file__).parents[2]
HOST = "server.example.org 192.168.1.10"


class Said(list[str]):
    """What was said."""

    def __call__(self, sentence: str) -> None:
        self.append(sentence)

    def __str__(self) -> str:
        return "\n".join(self)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A server of Mosquitto alone, so that nobody asks for a Kafka."""
    (tmp_path / ".env").write_text("# mine\nCOMPOSE_PROFILES=mqtt\nTZ='Asia/Tokyo'\n")
    initialise.run(tmp_path, HOST, Said(), NOW)
    return Installation(tmp_path)


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _packed(file: Path, name: str) -> str:
    with tarfile.open(file) as tar:
        member = tar.extractfile(name)
        assert member is not None
        return member.read().decode()


def test_init_makes_all_that_a_server_needs(tmp_path: Path) -> None:
    """The password is shown once and kept as a hash."""
    said = Said()
    initialise.run(tmp_path, HOST, said, NOW)

    settings = dotenv.read(tmp_path / ".env")
    assert settings["HOST"] == HOST
    assert settings["SERVER_NAME"] == "server.example.org"
    assert settings["SERVER_UID"] == str(os.getuid() or 10001)
    password = next(line for line in said if line.startswith("Viewer:")).split("password ")[1].split(" ")[0]
    stored = (tmp_path / "state/server/viewer/VIEWER_PASSWORD_HASH").read_text()
    assert PasswordHasher().verify(stored, password)
    everything = b"".join(_snapshot(tmp_path).values())
    assert password.encode() not in everything
    names = authority.hosts_of((tmp_path / "state/server/kafka/server.crt").read_bytes())
    assert names == ["server.example.org", "192.168.1.10", "kafka", "localhost", "127.0.0.1", "::1"]


def test_nothing_that_init_makes_can_be_read_by_others(installation: Installation) -> None:
    """Keys above all, but names of cameras are nobody's business either."""
    for path in installation.state.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_init_again_changes_nothing(installation: Installation) -> None:
    """It can be run at any time."""
    before, said = _snapshot(installation.project), Said()
    initialise.run(installation.project, None, said, NOW)
    assert _snapshot(installation.project) == before
    assert said == ["Ready: docker compose up -d"]


def _init_again(installation: Installation, said: Said) -> None:
    initialise.run(installation.project, None, said, NOW)


def _up_again(installation: Installation, said: Said) -> None:
    initialise.refresh(installation, said, NOW)


AGAIN = pytest.mark.parametrize("again", [_init_again, _up_again], ids=["make init", "make up"])


@AGAIN
def test_rights_of_an_older_version_are_written_anew(
    again: Callable[[Installation, Said], None], installation: Installation
) -> None:
    """A camera that was enrolled before has its named topics, and no wildcard over all of them."""
    enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    acl = installation.state / "mosquitto/acl"
    now = acl.read_text()
    acl.write_text("user gate.1\ntopic write shutterbus/gate/+\n")
    again(installation, Said())
    assert acl.read_text() == now


@AGAIN
def test_server_from_before_the_archive_gets_its_certificate_rights_and_folders(
    again: Callable[[Installation, Said], None], installation: Installation
) -> None:
    """Without a hand, and nothing that is there changes; the next time nothing changes."""
    shutil.rmtree(installation.state / "archive")
    shutil.rmtree(installation.state / "server/archive")
    acl = installation.state / "mosquitto/acl"
    acl.write_text(acl.read_text().replace("user archive.service", "user nobody"))
    before, said = _snapshot(installation.state), Said()

    again(installation, said)

    after = _snapshot(installation.state)
    assert {name for name in after if after[name] != before.get(name)} == {
        "mosquitto/acl",
        *(f"server/archive/{name}" for name in ("ca.crt", "client.crt", "client.key")),
    }
    assert "\nuser archive.service\ntopic read shutterbus/#\n" in acl.read_text()
    for folder in ("archive/catalog", "archive/store", "server/archive"):
        status = (installation.state / folder).stat()
        assert (status.st_mode & 0o777, status.st_uid) == (0o700, os.getuid() or 10001)
    key = installation.state / "server/archive/client.key"
    assert (key.stat().st_mode & 0o777, key.stat().st_uid) == (0o600, os.getuid() or 10001)
    assert "restart" not in str(said)  # it has never run
    again(installation, Said())
    assert _snapshot(installation.state) == after


@AGAIN
def test_line_for_kafka_without_effect_is_warned_of(
    again: Callable[[Installation, Said], None], installation: Installation
) -> None:
    """When it is written, not when somebody wonders."""
    installation.env_file.write_text(installation.env_file.read_text() + "KAFKA_LOG_SEGMENTS_BYTES=1\n")
    said = Said()
    again(installation, said)
    assert "Careful: KAFKA_LOG_SEGMENTS_BYTES in .env is no setting" in str(said)


def test_refresh_of_what_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    """``make up`` in a fresh clone."""
    with pytest.raises(SetupError, match="no server here yet: make init"):
        initialise.refresh(Installation(tmp_path), Said(), NOW)


def test_new_host_says_what_each_camera_needs(installation: Installation) -> None:
    """Keys and password stay; only the servers' certificates and three lines of .env are new."""
    enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    before, said = _snapshot(installation.project), Said()
    initialise.run(installation.project, "new.example.org", said, NOW)
    changed = {name for name, data in _snapshot(installation.project).items() if before[name] != data}
    assert changed == {
        ".env",
        "state/server/kafka/server.crt",
        "state/server/kafka/server.pem",
        "state/server/mosquitto/server.crt",
        "state/server/viewer/server.crt",
    }
    assert "docker compose restart mosquitto viewer" in str(said)  # those that run here
    assert "gate: in its .env replace server.example.org by new.example.org" in str(said)


def test_what_a_person_wrote_into_env_stays(installation: Installation) -> None:
    """Comments and order too; the seed's own name for the server is understood."""
    text = installation.env_file.read_text()
    assert text.startswith("# mine\nCOMPOSE_PROFILES=mqtt\nTZ='Asia/Tokyo'\n")
    (installation.project / "seed").mkdir()
    (installation.project / "seed/.env").write_text(
        "BROKER_HOSTNAME=kafka.example.org\nKAFKA_MESSAGE_MAX_BYTES=8388620\n"
    )
    initialise.run(installation.project / "seed", None, Said(), NOW)
    settings = dotenv.read(installation.project / "seed/.env")
    assert settings["SERVER_NAME"] == "kafka.example.org"
    assert settings["KAFKA_MESSAGE_MAX_BYTES"] == "8388620"


def test_env_is_read_and_changed_with_the_quotes_and_comments_that_are_in_it(tmp_path: Path) -> None:
    """As Compose reads it, so that the broker which Compose starts is the one that is set up."""
    lines = [
        'COMPOSE_PROFILES="mqtt" # one broker',
        'HOST="server.example 192.0.2.7" # names',
        'export KAFKA_MESSAGE_MAX_BYTES="8388620" # 4K',
        "NOTE='VIEWER_PORT=1",
        "and more' # not a setting",
        "VIEWER_PORT = 9000",
    ]
    env = tmp_path / ".env"
    env.write_bytes("\r\n".join(["\ufeff# für mich", *lines, ""]).encode() + b"# caf\xe9\n")
    initialise.run(tmp_path, None, Said(), NOW)
    installation = Installation(tmp_path)
    assert installation.profiles() == {"mqtt"}
    assert message_max_bytes(installation.settings()) == 8388620
    assert installation.settings()["VIEWER_PORT"] == "9000"

    initialise.run(tmp_path, "other.example", Said(), NOW)
    dotenv.merge(env, {"VIEWER_PORT": ("it's $5", "")})
    text = env.read_bytes()
    assert text.startswith("\ufeff# für mich\r\n".encode())
    for kept in (lines[0], "HOST=other.example # names", *lines[2:5]):
        assert kept.encode() + b"\r\n" in text
    assert b"# caf\xe9\n" in text
    assert installation.settings()["VIEWER_PORT"] == "it's $5"


@pytest.mark.parametrize("profiles", ["mqt", "Kafka", "*", "kafka mqtt", ","])
def test_profiles_that_name_no_broker_stop_before_anything_is_written(profiles: str, tmp_path: Path) -> None:
    """Compose would start the viewer alone, or nothing, and call that a success."""
    (tmp_path / ".env").write_text(f"COMPOSE_PROFILES={profiles}\n")
    with pytest.raises(
        SetupError, match=r"names no broker of this server: kafka, mqtt or kafka,mqtt is expected"
    ):
        initialise.run(tmp_path, HOST, Said(), NOW)
    assert not (tmp_path / "state").exists()


@AGAIN
def test_profile_that_is_probably_misspelt_is_warned_of(
    again: Callable[[Installation, Said], None], installation: Installation
) -> None:
    """Another one may be that of a compose file of the user's own."""
    dotenv.merge(installation.env_file, {"COMPOSE_PROFILES": ("mqtt, kafak, grafana", "")})
    said = Said()
    again(installation, said)
    assert "names kafak, which is no broker of this server; did you mean kafka?" in str(said)
    assert "grafana" not in str(said)


def test_doctor_says_in_a_line_that_env_cannot_be_used(installation: Installation) -> None:
    """And examines no broker, whichever was meant."""
    shutil.copy(ROOT / "compose.server.yml", installation.project)
    for line, sentence in (("COMPOSE_PROFILES=mqt", "names no broker"), ('A="', "does not end with one")):
        installation.env_file.write_text(f"HOST=a.example\nSERVER_NAME=a.example\n{line}\n")
        lines = list(run_doctor(CheckContext(installation, NOW)))
        (failed,) = [line for line in lines if line.finding.status == "failure" and line.name == "settings"]
        assert sentence in failed.finding.sentence
        assert not [line for line in lines if "mosquitto" in line.name or "kafka" in line.name]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "HOST is missing"),
        ("server.example.org:9093", "'server.example.org:9093' is neither a name nor an address"),
        ("https://server", "neither a name nor an address"),
        ("192.168.1.300", "neither a name nor an address"),
    ],
)
def test_host_that_cannot_be_is_answered_with_an_example(text: str, sentence: str) -> None:
    """A person types it from memory."""
    with pytest.raises(SetupError, match=sentence):
        hosts.parse(text)


def test_name_that_containers_cannot_resolve_is_warned_of() -> None:
    """The Pi finds server.local, its container does not."""
    (warning,) = hosts.warnings(hosts.parse("Server.local, 192.168.1.10"))
    assert warning.startswith("server.local ends in .local")


def test_camera_gets_all_that_it_needs_and_no_more(installation: Installation) -> None:
    """One file, for its owner alone, without the authority's key; small, and complete for Compose without a word."""
    for name in ("compose.edge.yml", ".dockerignore", "docs/settings.md"):
        (installation.project / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, installation.project / name)
    for name in ("edge", "wire", "runtime", "transport"):
        shutil.copytree(ROOT / name, installation.project / name)
    (installation.project / "edge/__pycache__").mkdir()
    (installation.project / "edge/__pycache__/old.pyc").touch()
    (file,) = enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as tar:
        names = tar.getnames()
        assert tar.getmember("gate/secrets/gate.key").mode == 0o600
    text = _packed(file, "gate/.env")
    assert {
        name
        for name in names
        if not name.startswith(("gate/edge", "gate/wire", "gate/runtime", "gate/transport"))
    } == {
        "gate",
        "gate/media",
        "gate/secrets",
        "gate/.env",
        "gate/README.txt",
        "gate/settings.md",
        "gate/.dockerignore",
        "gate/compose.yml",
        "gate/secrets/ca.crt",
        "gate/secrets/gate.crt",
        "gate/secrets/gate.key",
    }
    assert {"gate/edge/Dockerfile", "gate/wire/pyproject.toml"} < set(names)
    assert not [name for name in names if "__pycache__" in name]
    assert file.stat().st_size < 2_000_000  # sources only: no environment, no cache
    assert "SS_BROKERS=server.example.org:8883\n" in text
    assert "SERVER_ADDRESS=192.168.1.10\n" in text
    assert "TZ=Asia/Tokyo\n" in text
    assert "COMPOSE_FILE" not in text


def test_enrolled_again_a_camera_keeps_its_settings_by_the_command_that_is_named(
    installation: Installation, tmp_path: Path
) -> None:
    """And has the new certificate; the first time there are none to keep."""
    first, again, pi = Said(), Said(), tmp_path / "pi"
    pi.mkdir()
    (file,) = enroll.enroll(installation, "cameras", ("gate",), first, NOW)
    assert "--exclude" not in str(first)
    subprocess.run(["tar", "-xpf", file], cwd=pi, check=True)
    settings, key = pi / "gate/.env", pi / "gate/secrets/gate.key"
    settings.write_text(edited := settings.read_text().replace("SCHEDULE=10", "SCHEDULE=5m"))
    old_key = key.read_bytes()
    of_older_version = pi / "gate/edge/old.py"
    of_older_version.parent.mkdir(exist_ok=True)
    of_older_version.touch()
    shutil.copy(enroll.enroll(installation, "cameras", ("gate",), again, NOW)[0], pi)

    command = str(again).partition("keeps the settings in it: ")[2].splitlines()[0]
    subprocess.run(["sh", "-ec", command], cwd=pi, check=True)

    assert not of_older_version.exists()
    assert settings.read_text() == edited
    assert key.read_bytes() == _packed(file, "gate/secrets/gate.key").encode() != old_key
    reader = Said()
    for _ in range(2):
        enroll.enroll(installation, "readers", ("nas",), reader, NOW)
    assert "--exclude" not in str(reader)


def test_a_name_is_never_used_twice(installation: Installation) -> None:
    """What was stolen stays worthless when the camera is enrolled again."""
    for _ in range(2):
        enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    acl = (installation.state / "mosquitto/acl").read_text()
    assert "user gate.2" in acl
    assert "user gate.1" not in acl
    enroll.revoke(installation, "cameras", "gate", Said())
    assert "gate" not in (installation.state / "mosquitto/acl").read_text()
    enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    assert "user gate.3" in (installation.state / "mosquitto/acl").read_text()


def test_revoking_a_stranger_names_who_is_there(installation: Installation) -> None:
    """A misspelt name must not look like success."""
    enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    with pytest.raises(SetupError, match="no camera 'gaet'; enrolled: gate"):
        enroll.revoke(installation, "cameras", "gaet", Said())


def test_no_name_of_a_camera_or_reader_can_spell_a_service() -> None:
    """Nor one another: a reader called as a camera is another identity."""
    identities = Identities({}, {}).enrolled("cameras", "admin").enrolled("readers", "admin")
    assert identities.certificate_name("cameras", "admin") == "admin.1"
    assert identities.certificate_name("readers", "admin") == "admin.reader.1"
    for name in ("admin.service", "viewer.service", "a.1", "", "A", "gate\nuser admin.service"):
        with pytest.raises(ValueError, match="cannot name a camera"):
            Identities({}, {}).enrolled("cameras", name)


def test_acl_gives_a_camera_its_own_topics_only() -> None:
    """Mosquitto denies what no line allows."""
    lines = mosquitto.acl(Identities({}, {}).enrolled("cameras", "gate")).splitlines()
    after = lines[lines.index("user gate.1") + 1 :]
    assert after == [
        "topic write shutterbus/gate/frames",
        "topic write shutterbus/gate/status",
        "topic write shutterbus/gate/reports",
        "topic write shutterbus/gate/readings",
        "topic write shutterbus/gate/readings/+",
        "topic read shutterbus/gate/confirmations",
        "topic read shutterbus/gate/commands",
    ]


def test_damaged_registry_is_named_and_not_overwritten(installation: Installation) -> None:
    """Otherwise every camera would be forgotten, and its old certificates be numbered anew."""
    installation.identities_file.write_text(json.dumps({"cameras": []}))
    with pytest.raises(SetupError, match=r"identities\.json is damaged"):
        enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    assert installation.identities_file.read_text() == json.dumps({"cameras": []})


def test_many_cameras_come_from_a_table() -> None:
    """Whatever its other columns are, and each once; one bad name enrolls nobody."""
    assert enroll.names_in(["place,camera", "north,gate", "south, yard "], "a") == ("gate", "yard")
    assert enroll.names_in(["# mine", "gate", "", "yard,old", "gate"], "a") == ("gate", "yard")
    with pytest.raises(ValueError, match="cannot name a camera"):
        enroll.names_in(["gate", "Yard!"], "a")
    with pytest.raises(SetupError, match=r"cameras\.csv names no camera"):
        enroll.names_in(["camera"], "cameras.csv")


def test_camera_for_which_the_disk_has_no_room_is_not_enrolled(tmp_path: Path) -> None:
    """Refused with the number needed, before its old identity is ended or the table half done."""
    (tmp_path / ".env").write_text("KAFKA_DISK_MAX=1.1GiB\n")
    initialise.run(tmp_path, HOST, Said(), NOW)
    installation = Installation(tmp_path)
    before = _snapshot(tmp_path)
    with pytest.raises(
        SetupError, match=r"KAFKA_DISK_MAX is 1\.1GiB, too little for 3 cameras.*at least 1\.2GiB"
    ):
        enroll.enroll(installation, "cameras", ("gate", "yard", "pond"), Said(), NOW)
    assert _snapshot(tmp_path) == before


def test_revoked_cameras_keep_their_share_of_the_disk() -> None:
    """Their pictures stay; a share given twice would let the disk fill."""
    settings = {"KAFKA_DISK_MAX": "20GiB"}
    two = Identities({}, {}).enrolled("cameras", "gate").enrolled("cameras", "yard")
    assert disk.of(two.revoked("cameras", "gate"), settings) == disk.of(two, settings)
    assert disk.of(two, settings) == disk.of(two, {**settings, "LEGACY_TOPICS": ""})
    assert disk.of(two, {**settings, "LEGACY_TOPICS": "old"}) == disk.of(
        two.enrolled("cameras", "pond"), settings
    )


def test_first_host_that_is_a_bare_ipv6_address_stands_in_brackets_before_a_port(tmp_path: Path) -> None:
    """In what Kafka gives out, what listens and what a camera is told; a certificate has it without."""
    (tmp_path / ".env").write_text("BIND_ADDR=::1\n")
    initialise.run(tmp_path, "fd00::10 server.example.org", Said(), NOW)
    installation = Installation(tmp_path)
    settings = installation.settings()
    assert (settings["SERVER_NAME"], settings["BIND_ADDR"]) == ("[fd00::10]", "[::1]")
    assert authority.hosts_of((installation.state / "server/kafka/server.crt").read_bytes())[0] == "fd00::10"
    (file,) = enroll.enroll(installation, "cameras", ("gate",), Said(), NOW)
    text = _packed(file, "gate/.env")
    assert "SS_BROKERS=[fd00::10]:9093\n" in text
    assert "SERVER_ADDRESS" not in text
    said = Said()
    initialise.run(tmp_path, None, said, NOW)
    assert said == ["Ready: docker compose up -d"]
    (file,) = enroll.enroll(installation, "readers", ("nas",), Said(), NOW)
    text = _packed(file, "nas/README.txt")
    assert "kcat -q -b [fd00::10]:9093" in text
    assert "mosquitto_sub -h fd00::10 -p" in text


def test_reader_is_told_of_the_brokers_that_run_and_of_a_name_that_nobody_knows(
    installation: Installation,
) -> None:
    """Mosquitto alone runs here; the lines name a camera that there is."""
    enroll.enroll(installation, "cameras", ("yard",), Said(), NOW)
    (file,) = enroll.enroll(installation, "readers", ("nas",), Said(), NOW)
    text = _packed(file, "nas/README.txt")
    assert "kcat" not in text
    assert "a camera that sends over MQTT (SS_TYPE=mqtt)" in text
    assert "-t shutterbus/yard/frames" in text
    assert "echo '192.168.1.10 server.example.org' | sudo tee -a /etc/hosts" in text
    config = _packed(file, "nas/.sinetstream_config.yml")
    assert "yard-mqtt:" in config
    assert "kafka" not in config


def test_image_that_is_none_is_refused_before_anybody_is_enrolled(installation: Installation) -> None:
    """A Pi without internet finds out too late."""
    before = _snapshot(installation.project)
    with pytest.raises(SetupError, match="no image that docker save wrote"):
        enroll.enroll(installation, "cameras", ("gate",), Said(), NOW, installation.env_file)
    assert _snapshot(installation.project) == before


@pytest.mark.parametrize("cameras", [1, 3, 40])
@pytest.mark.parametrize("message_max_bytes", [2_097_164, 8_388_620])
def test_disk_is_never_promised_twice(cameras: int, message_max_bytes: int) -> None:
    """Every partition at its peak, all senders at their fastest, and Kafka's own topics fit together."""
    limit = 20 * disk.GIB
    division = disk.divide(limit, cameras, message_max_bytes)
    rooms = [getattr(division.rooms, kind) for kind in ("frames", "telemetry", "confirmations", "commands")]
    peak = sum(room.retention_bytes + 2 * room.segment_bytes for room in rooms) + division.quota * disk.LATE_S
    assert cameras * peak + disk.OWN_BYTES <= limit
    assert division.rooms.frames.segment_bytes > message_max_bytes
    assert division.rooms.frames.retention_bytes > division.rooms.frames.segment_bytes


def test_disk_that_is_too_small_is_refused_with_the_number_needed() -> None:
    """And that number is enough."""
    with pytest.raises(SetupError, match="too little for 40 cameras") as refused:
        disk.divide(2 * disk.GIB, 40, 2_097_164)
    needed = float(str(refused.value).split("at least ")[1].removesuffix("GiB is needed"))
    disk.divide(int(needed * disk.GIB), 40, 2_097_164)


def test_backup_holds_the_viewers_users_though_it_is_writing(installation: Installation) -> None:
    """A copy of the file alone would lack what is still in its log."""
    path = installation.state / "viewer" / "viewer.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE users (name TEXT)")
        writer.execute("INSERT INTO users VALUES ('ann')")

        made = backup.run(installation, NOW)

    with tarfile.open(made) as tar:
        entry = tar.getmember("state/viewer/viewer.db")
        tar.extract(entry, installation.project / "unpacked", filter="data")
    assert entry.mode == 0o600
    with contextlib.closing(sqlite3.connect(installation.project / "unpacked" / entry.name)) as restored:
        assert restored.execute("SELECT name FROM users").fetchall() == [("ann",)]


def test_catalog_of_the_archive_is_backed_up_though_it_is_writing(installation: Installation) -> None:
    """In a file of its own, for its owner alone; where there is no archive yet, there is none."""
    assert backup.copy_catalog(installation, NOW) is None
    path = installation.state / "archive/catalog/catalog.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE frame (seq INTEGER)")
        writer.execute("INSERT INTO frame VALUES (118)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO frame VALUES (119)")

        made = backup.copy_catalog(installation, NOW)

        writer.execute("COMMIT")
    assert made == installation.project / "shutterbus-backup-20261121T000000Z-catalog.sqlite"
    assert made.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(made)) as restored:
        assert restored.execute("SELECT seq FROM frame").fetchall() == [(118,)]
    assert not list(installation.project.glob("*.unfinished"))


def test_catalog_that_cannot_be_copied_is_named_and_leaves_nothing(installation: Installation) -> None:
    """The rest of the backup is written by then."""
    path = installation.state / "archive/catalog/catalog.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(SetupError, match=r"catalog\.sqlite cannot be copied: file is not a database"):
        backup.copy_catalog(installation, NOW)
    assert not list(installation.project.glob("shutterbus-backup-*"))


@pytest.mark.parametrize(
    ("free_gib", "kafka"), [(500, "20GiB"), (80, "20GiB"), (79, "19GiB"), (22, "5GiB"), (4, "3GiB")]
)
def test_kafka_gets_a_quarter_of_a_disk_that_is_small(free_gib: int, kafka: str) -> None:
    """The archive leaves it that, and more than nothing has to be left for the archive."""
    assert disk.fitting(free_gib << 30) == kafka
