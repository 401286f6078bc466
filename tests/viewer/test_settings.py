"""The viewer's settings: found, checked, explained."""

import json
from pathlib import Path

import pytest

from certificates import issue
from shutterbus_runtime.settings import Loaded, SettingsError
from shutterbus_viewer.__main__ import main
from shutterbus_viewer.load import load
from shutterbus_viewer.settings import ViewerSettings

LEAST = {"VIEWER_MQTT_BROKERS": "mqtt.example.org", "VIEWER_PASSWORD": "secret"}


def loaded(folder: Path, **given: str) -> Loaded[ViewerSettings]:
    return load({**LEAST, **given}, folder / "secrets", folder / ".env")


def refusal(folder: Path, **given: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(given, folder / "secrets", folder / ".env")
    return str(refused.value)


def test_least_that_is_needed(tmp_path: Path) -> None:
    settings = loaded(tmp_path).settings

    assert settings.mqtt is not None
    assert settings.mqtt.addresses == ("mqtt.example.org:1883",)
    assert settings.kafka is None
    assert (settings.serve.bind, settings.serve.port, settings.serve.effective_tls) == (
        "127.0.0.1",
        8080,
        "off",
    )
    assert settings.login.user == "admin"


def test_both_brokers_and_foreign_topics(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        VIEWER_KAFKA_BROKERS="one,two:9999",
        VIEWER_KAFKA_USERNAME="reader",
        VIEWER_KAFKA_PASSWORD="hush",
        VIEWER_KAFKA_FETCH_MAX_WAIT_MS="100",
        VIEWER_TOPICS="image-*, site/+/image",
    ).settings

    assert settings.kafka is not None
    assert settings.kafka.addresses == ("one:9092", "two:9999")
    assert settings.kafka.kafka_consumer()["fetch_max_wait_ms"] == 100
    assert settings.topics == ("image-*", "site/+/image")


def test_secret_wins_and_is_stripped(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "VIEWER_PASSWORD").write_text("from the secret\n")
    (tmp_path / ".env").write_text("VIEWER_PORT=9000\nVIEWER_PASSWORD=from the file\nKAFKA_X=1\n")

    settings = loaded(tmp_path).settings

    assert settings.login.password is not None
    assert settings.login.password.get_secret_value() == "from the secret"
    assert settings.serve.port == 9000


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"VIEWER_PASSWORD": "x"}, "No broker is named"),
        ({"VIEWER_MQTT_BROKERS": "m"}, "No password is set, and there is no default"),
        ({**LEAST, "VIEWER_PASWORD": "x"}, "VIEWER_PASWORD is not a setting; did you mean VIEWER_PASSWORD?"),
        ({**LEAST, "VIEWER_PORT": "http"}, "VIEWER_PORT=http cannot be used"),
        ({**LEAST, "VIEWER_PORT": "70000"}, "VIEWER_PORT=70000 cannot be used"),
        ({**LEAST, "VIEWER_TLS": "of"}, "own, files, proxy or off"),
        ({**LEAST, "VIEWER_TLS": "own"}, "VIEWER_TLS=own needs VIEWER_TLS_CERT and VIEWER_TLS_KEY"),
        ({**LEAST, "VIEWER_BIND": "0.0.0.0"}, "VIEWER_BIND=0.0.0.0 without VIEWER_TLS needs"),
        (
            {**LEAST, "VIEWER_TLS": "files", "VIEWER_TLS_CERT": "/nowhere", "VIEWER_TLS_KEY": "/nowhere"},
            "cannot be read: No such file or directory",
        ),
        (
            {"VIEWER_MQTT_BROKERS": "m", "VIEWER_PASSWORD_HASH": "plain"},
            "VIEWER_PASSWORD_HASH (hidden) is no argon2",
        ),
        ({**LEAST, "VIEWER_PASSWORD": ""}, "VIEWER_PASSWORD is empty"),
        (
            {**LEAST, "VIEWER_KAFKA_BROKERS": "k", "VIEWER_KAFKA_GROUP_ID": "x"},
            "VIEWER_KAFKA_GROUP_ID cannot be set",
        ),
        ({**LEAST, "VIEWER_MQTT_TLS__CA_CERTS": "/nowhere"}, "TLS files cannot be used"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(
    tmp_path: Path, given: dict[str, str], sentence: str
) -> None:
    assert sentence in refusal(tmp_path, **given)


def test_plain_text_on_a_network_is_warned_of(tmp_path: Path) -> None:
    warnings = loaded(tmp_path, VIEWER_BIND="0.0.0.0", VIEWER_TLS="off").warnings

    assert "VIEWER_TLS=off: passwords and pictures cross the network unencrypted." in warnings


def test_password_in_the_clear_counts_before_the_hash_that_a_server_is_born_with(tmp_path: Path) -> None:
    """In Compose the hash is always there, as a secret; who writes VIEWER_PASSWORD into .env means it."""
    result = loaded(tmp_path, VIEWER_PASSWORD_HASH="anything")

    assert result.settings.login.password is not None
    assert result.settings.login.password_hash is None
    assert "VIEWER_PASSWORD_HASH has no effect beside VIEWER_PASSWORD." in result.warnings


def test_viewer_without_a_folder_says_what_ends_with_it(tmp_path: Path) -> None:
    assert "VIEWER_STATE_DIR is not set" in loaded(tmp_path).warnings[0]
    assert loaded(tmp_path, VIEWER_STATE_DIR=str(tmp_path)).warnings == ()


def test_own_certificate_is_used_where_it_is(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, "viewer")
    given = {"VIEWER_TLS_CERT": str(certificate), "VIEWER_TLS_KEY": str(key)}

    assert loaded(tmp_path, VIEWER_BIND="0.0.0.0", **given).settings.serve.effective_tls == "own"


def test_command_checks_and_hides_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)

    assert main(["check"]) == 0
    assert main(["settings", "--json"]) == 0
    said = capsys.readouterr().out
    assert "mqtt at mqtt.example.org:1883" in said
    assert '"********"' in said
    assert "secret" not in said
    monkeypatch.setenv("VIEWER_PORT", "x")
    assert main(["check"]) == 1
    assert "VIEWER_PORT=x cannot be used" in capsys.readouterr().err
    assert main(["check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


@pytest.mark.parametrize(
    ("given", "size_bytes"), [({}, 1 << 30), ({"HISTORY_CACHE_MAX": "500MB"}, 500_000_000)]
)
def test_room_for_small_pictures_of_the_past(tmp_path: Path, given: dict[str, str], size_bytes: int) -> None:
    assert loaded(tmp_path, **given).settings.history_cache_max_bytes == size_bytes


def test_groups_are_read_and_what_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    text = "north=gate,yard;south=roof-*"
    assert loaded(tmp_path, VIEWER_GROUPS=text).settings.groups == text
    assert loaded(tmp_path).settings.groups == ""

    said = refusal(tmp_path, **LEAST, VIEWER_GROUPS="north=Gate")

    assert "VIEWER_GROUPS" in said
    assert "'Gate' in the group north is no camera" in said
