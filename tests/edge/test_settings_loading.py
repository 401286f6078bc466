"""From the environment to the settings of one edge, and what is said where that is not possible."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates import issue
from shutterbus_edge.errors import SettingsError
from shutterbus_edge.schedule.zone import name_of
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.settings.load import load
from shutterbus_runtime.settings import Loaded

DATA = Path(__file__).parent.parent / "data"
BASE = {"CAMERA_SOURCE": "testcard", "SS_BROKERS": "kafka.example.org:9092"}


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / "nowhere"


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """What a Raspberry Pi says of itself."""
    path = tmp_path / "model"
    path.write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    return path


def _load(nowhere: Path, **environ: str) -> Loaded[EdgeSettings]:
    return load({**BASE, **environ}, nowhere, nowhere, nowhere)


def _sentences(nowhere: Path, **environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        _load(nowhere, **environ)
    return caught.value.sentences


def _spool_dir(tmp_path: Path, **environ: str) -> Path:
    gone = tmp_path / "nowhere"
    return load({**BASE, **environ}, gone, gone, gone, tmp_path / "old").settings.spool.dir


def test_frames_are_kept_in_the_state_folder_of_the_service_or_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/pi")

    assert _spool_dir(tmp_path) == Path("/home/pi/.local/state/shutterbus/spool")
    assert _spool_dir(tmp_path, STATE_DIRECTORY="/var/lib/cam:/var/lib/b") == Path("/var/lib/cam/spool")
    assert _spool_dir(tmp_path, STATE_DIRECTORY="/var/lib/cam", SPOOL_DIR="~/frames") == Path(
        "/home/pi/frames"
    )


def test_folder_that_an_older_version_kept_frames_in_goes_on_and_is_named(tmp_path: Path) -> None:
    """What waits there would otherwise never be sent."""
    (tmp_path / "old").mkdir()
    assert _spool_dir(tmp_path, STATE_DIRECTORY="/var/lib/cam") == Path("/var/lib/cam/spool")

    (tmp_path / "old/epoch.json").write_text("{}")
    gone = tmp_path / "nowhere"
    loaded = load({**BASE, "STATE_DIRECTORY": "/var/lib/cam"}, gone, gone, gone, tmp_path / "old")
    assert loaded.settings.spool.dir == tmp_path / "old"
    assert f"Frames are kept in {tmp_path}/old, where they were until now" in loaded.notes[-1]
    assert _spool_dir(tmp_path, SPOOL_DIR="/frames") == Path("/frames")


def test_home_is_expanded_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    certificate, key = issue(tmp_path, "gate.2")

    tls = _load(
        tmp_path / "nowhere", SS_TLS__CERTFILE=f"~/{certificate.name}", SS_TLS__KEYFILE=f"~/{key.name}"
    ).settings.broker.tls

    assert tls is not None
    assert (tls.certfile, tls.keyfile) == (certificate, key)


def test_sample_of_the_seed_with_a_high_rate(nowhere: Path, pi: Path) -> None:
    """Its users start with this file, unchanged."""
    loaded = load({}, nowhere, DATA / "seed-high-rate.env", pi)

    settings = loaded.settings
    assert settings.camera_source == "picamera2"
    assert settings.capture.size_px == (320, 240)
    assert settings.capture.framerate == 5
    assert settings.schedule is None
    assert settings.broker.type == "kafka"
    assert settings.broker.addresses == ("kafka.example.org:9092",)
    assert settings.topic == "sinetstream.image.camera"
    assert settings.broker.consistency == "AT_LEAST_ONCE"
    assert settings.message_format == "3"
    assert settings.spool.mode == "spill"
    assert settings.publish.order == "in-order"
    assert loaded.warnings == ()
    assert "message format 3" in loaded.notes[0]


def test_sample_of_the_seed_with_a_low_rate(nowhere: Path, pi: Path) -> None:
    settings = load({}, nowhere, DATA / "seed-low-rate.env", pi).settings

    assert settings.capture.size_px == (640, 480)
    assert settings.schedule == "10"
    assert settings.spool.mode == "durable"
    assert settings.message_format == "3"


def test_names_of_the_later_era(nowhere: Path) -> None:
    settings = _load(
        nowhere, PICAMERA2_SIZE="QVGA", PICAMERA2_CONTROLS_FRAME_RATE="5", PICAMERA2_TRANSFORM_HFLIP="false"
    ).settings

    assert settings.capture.size_px == (320, 240)
    assert settings.capture.framerate == 5
    assert not settings.capture.hflip


def test_secret_counts_above_environment_and_environment_above_file(tmp_path: Path, nowhere: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "SS_PASSWORD").write_text("from.secret\n")
    (secrets / "unrelated").write_bytes(b"\xff\xfe")
    env_file = tmp_path / ".env"
    env_file.write_text(
        "SS_PASSWORD=from-file\nSS_USERNAME='a user'  # with a comment\nexport SPOOL_MAX_AGE=1d\n"
    )

    settings = load({**BASE, "SPOOL_MAX_AGE": "2d", "SS_TLS": "true"}, secrets, env_file, nowhere).settings

    assert settings.broker.password is not None
    assert settings.broker.password.get_secret_value() == "from.secret"
    assert settings.broker.username == "a user"
    assert settings.spool.max_age_s == 2 * 86_400


@pytest.mark.parametrize("password", ["0123", "1.0", "true", "p a$s", "(1,2)"])
def test_password_is_never_taken_for_a_number(nowhere: Path, password: str) -> None:
    settings = _load(nowhere, SS_USERNAME="u", SS_PASSWORD=password, SS_TLS="true").settings

    assert settings.broker.password is not None
    assert settings.broker.password.get_secret_value() == password


def test_topic_may_look_like_a_number(nowhere: Path) -> None:
    """The seed sent to 2024.1."""
    assert _load(nowhere, SS_TOPIC="2024.10").settings.topic == "2024.10"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CAMERA_SORCE", "x", "CAMERA_SORCE is not a setting; did you mean CAMERA_SOURCE?"),
        ("SPOOL_MAXAGE", "7d", "SPOOL_MAXAGE is not a setting; did you mean SPOOL_MAX_AGE?"),
        ("PUBLISH_CONFRIM", "x", "PUBLISH_CONFRIM is not a setting; did you mean PUBLISH_CONFIRM?"),
        ("SS_BROKER", "h", "SS_BROKER is neither a setting nor an option of kafka-python; did you mean SS_BROKERS?"),
        ("SS_TLS__CA_CERT", "h", "SS_TLS__CA_CERT is neither a setting nor an option of kafka-python; did you mean SS_TLS__CA_CERTS?"),
        ("SS_TYPE", "kafak", "SS_TYPE=kafak cannot be used: kafka or mqtt is expected; did you mean kafka?"),
        ("SS_TYPE", "s3", "SS_TYPE=s3 cannot be used: sending straight to a bucket is not in this version; kafka or mqtt is expected."),
        ("CAMERA_TITLE", "North\nroof", "CAMERA_TITLE='North\\nroof' cannot be used: a line of at most 100 characters is expected."),
        ("CAMERA_TITLE", "roof \u202e", "CAMERA_TITLE='roof \\u202e' cannot be used: a line of at most 100 characters is expected."),
        ("CAMERA_ID", "Gate_2", "CAMERA_ID=Gate_2 cannot be used: 'Gate_2' cannot name a camera: use 1 to 48 of a-z, 0-9 and -, beginning with a letter or digit."),
        ("CAMERA_SOURCE", "rtsp://h/s", "CAMERA_SOURCE=rtsp://h/s: rtsp cameras are not in this version"),
        ("SCHEDULE", "0", "SCHEDULE=0 cannot be used:"),
        ("SCHEDULE", "", "SCHEDULE is empty:"),
        ("SCHEDULE", "every day at sunrise", "SCHEDULE=every day at sunrise cannot be used: sunrise and sunset are not in this version"),
        ("TZ", "Asia/Tokio", "TZ=Asia/Tokio cannot be used: a zone such as Asia/Tokyo is expected; did you mean Asia/Tokyo?"),
        ("PICAMERA_FRAMERATE", "0", "PICAMERA_FRAMERATE=0 cannot be used: a number above 0 and of at most 1000 is expected."),
        ("PICAMERA_ISO", "fast", "PICAMERA_ISO=fast cannot be used: a whole number is expected."),
        ("PICAMERA_AWB_MODE", "sunligt", "PICAMERA_AWB_MODE=sunligt cannot be used:"),
        ("SENSORS", "bme280", "SENSORS=bme280 cannot be used: the sensor bme280 is not in this version"),
        ("SENSORS", "cpuu", "SENSORS=cpuu cannot be used: a list of cpu and simulated is expected; did you mean cpu?"),
        ("PUBLISH_CONFIRM", "archive", "PUBLISH_CONFIRM=archive cannot be used: confirmation by the archive is not in this version"),
        ("SSCFG_NAME", "c", "SSCFG_NAME cannot be used: a SINETStream config server is not in this version"),
        ("SS_DATA_ENCRYPTION", "true", "SS_DATA_ENCRYPTION cannot be used: SINETStream's own encryption is not in this version"),
        ("EXT_SS_TOPIC", "x", "EXT_SS_TOPIC cannot be used: a tool called after each frame is not in this version"),
        ("SS_TLS__CERTFILE_DATA", "x", "SS_TLS__CERTFILE_DATA cannot be used: a certificate inside a variable is not in this version"),
        ("SS_TLS__CA_CERTS", "/no/such/file", "SS_TLS__CA_CERTS=/no/such/file cannot be read: No such file or directory."),
        ("SS_USERNAME_PW_SET__PASSWORD", "x", "SS_PASSWORD is set: SS_USERNAME is needed with it."),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_with_its_name_and_what_can(
    nowhere: Path, name: str, value: str, sentence: str
) -> None:
    assert any(problem.startswith(sentence) for problem in _sentences(nowhere, **{name: value}))


def test_machine_without_a_camera_library_has_to_say_where_pictures_come_from(nowhere: Path) -> None:
    with pytest.raises(SettingsError, match="CAMERA_SOURCE is not set: on a machine that is no Raspberry Pi"):
        load({"SS_BROKERS": "h"}, nowhere, nowhere, nowhere)


def test_number_of_the_camera_chooses_it_on_a_pi(nowhere: Path, pi: Path) -> None:
    loaded = load({"SS_BROKERS": "h", "PICAMERA_CAMERA_NUM": "1"}, nowhere, nowhere, pi)

    assert loaded.settings.camera_source == "picamera2:1"


def test_unknown_name_of_the_camera_library_only_warns(nowhere: Path) -> None:
    loaded = _load(nowhere, PICAMERA_ISOO="100", PICAMERA_TIMESTAMP="3")

    assert loaded.warnings[0] == "PICAMERA_ISOO is not a setting; did you mean PICAMERA_ISO? It is ignored."
    assert loaded.warnings[1].startswith("PICAMERA_TIMESTAMP is not a setting")


def test_names_of_others_are_their_business(nowhere: Path) -> None:
    """One .env serves edge and server."""
    loaded = _load(
        nowhere, KAFKA_MESSAGE_MAX_BYTES="8388620", VIEWER_PORT="8080", COMPOSE_PROFILES="kafka", HOME="/root"
    )

    assert loaded.warnings == ()


def test_functions_that_are_switched_off_need_not_exist(nowhere: Path) -> None:
    """`SS_DATA_ENCRYPTION=false` switched it on in the seed."""
    loaded = _load(nowhere, SS_DATA_ENCRYPTION="false", SS_DATA_COMPRESSION="off")

    assert loaded.warnings == ()


def test_names_without_effect_are_told(nowhere: Path) -> None:
    loaded = _load(nowhere, SS_VALUE_TYPE="byte_array")

    assert loaded.warnings == (
        "SS_VALUE_TYPE=byte_array has no effect: a picture is always sent as its bytes.",
    )


def test_overruled_name_is_told(nowhere: Path) -> None:
    loaded = _load(nowhere, PICAMERA2_SIZE="VGA", PICAMERA_RESOLUTION="QVGA")

    assert loaded.settings.capture.size_px == (640, 480)
    assert loaded.warnings == (
        "PICAMERA_RESOLUTION has no effect beside PICAMERA2_SIZE, which says otherwise.",
    )


def test_password_in_the_clear_is_warned_of(nowhere: Path) -> None:
    loaded = _load(nowhere, SS_USERNAME="u", SS_PASSWORD="p")

    assert loaded.warnings == ("The broker's password is sent unencrypted: set SS_TLS.",)


@pytest.mark.parametrize(
    ("schedule", "mode"),
    [("9", "spill"), ("10", "durable"), ("every day at 9:30", "durable"), ("every minute at :23", "durable")],
)
def test_pictures_that_are_seldom_go_to_disk_first(nowhere: Path, schedule: str, mode: str) -> None:
    assert _load(nowhere, SCHEDULE=schedule).settings.spool.mode == mode
    assert _load(nowhere, SCHEDULE=schedule, SPOOL_MODE="memory").settings.spool.mode == "memory"


@pytest.mark.parametrize(
    ("environ", "message_format"),
    [
        ({}, "jpeg"),
        ({"SS_TOPIC": "t"}, "3"),
        ({"SS_TOPIC": "t", "SS_MESSAGE_FORMAT": "jpeg"}, "jpeg"),
        ({"SS_MESSAGE_FORMAT": "2"}, "2"),
        ({"SS_TOPIC": "t", "SS_USER_DATA_ONLY": "true"}, "jpeg"),
    ],
)
def test_message_format_follows_the_topic(
    nowhere: Path, environ: dict[str, str], message_format: str
) -> None:
    """Readers of an existing topic would not know what to make of a bare JPEG."""
    assert _load(nowhere, **environ).settings.message_format == message_format


def test_camera_is_named_by_its_certificate(nowhere: Path, tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, "gate.2")

    settings = _load(
        nowhere, SS_BROKERS="h", SS_TLS__CERTFILE=str(certificate), SS_TLS__KEYFILE=str(key)
    ).settings

    assert settings.camera_id == "gate"
    assert settings.broker.addresses == ("h:9093",)


def test_other_name_beside_a_certificate_stops_the_start(nowhere: Path, tmp_path: Path) -> None:
    """The broker would refuse every picture."""
    certificate, key = issue(tmp_path, "gate.2")
    tls = {"SS_TLS__CERTFILE": str(certificate), "SS_TLS__KEYFILE": str(key)}

    assert _load(nowhere, **tls, CAMERA_ID="gate").settings.camera_id == "gate"
    assert "the certificate" in _sentences(nowhere, **tls, CAMERA_ID="yard")[0]


def test_certificate_of_another_authority_names_no_camera(nowhere: Path, tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, "Some Laptop")

    settings = _load(nowhere, SS_TLS__CERTFILE=str(certificate), SS_TLS__KEYFILE=str(key)).settings

    assert settings.camera_id is None


def test_key_of_another_certificate_is_found_out_at_the_start(nowhere: Path, tmp_path: Path) -> None:
    """Later it would be a broker that cannot be reached for no reason."""
    (tmp_path / "other").mkdir()
    certificate, _ = issue(tmp_path, "gate.2")
    _, other = issue(tmp_path / "other", "gate.2")

    sentence = _sentences(nowhere, SS_TLS__CERTFILE=str(certificate), SS_TLS__KEYFILE=str(other))[0]

    assert "the TLS files cannot be used together" in sentence


def test_file_that_is_no_certificate_is_said(nowhere: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("hello")

    for name in ("SS_TLS__CERTFILE", "SS_TLS__CA_CERTS"):
        assert name in _sentences(nowhere, **{name: str(junk)})[0]


def test_mqtt_has_its_own_options(nowhere: Path) -> None:
    settings = _load(
        nowhere,
        SS_BROKERS="h",
        SS_TYPE="mqtt",
        SS_RECONNECT_DELAY_SET__MAX_DELAY="60",
        SS_PROTOCOL="MQTTv311",
    ).settings

    assert settings.broker.addresses == ("h:1883",)
    assert settings.broker.mqtt_reconnect() == {"min_delay": 1, "max_delay": 60}
    assert settings.broker.protocol == 4


def test_picture_remembers_the_names_it_was_given_by(nowhere: Path) -> None:
    """A source that cannot apply one says so by that name."""
    picture = _load(nowhere, picamera_iso="100", PICAMERA2_CONTROLS_AE_ENABLE="false").settings.capture

    assert picture.given == {"iso": "picamera_iso", "controls.AeEnable": "PICAMERA2_CONTROLS_AE_ENABLE"}


def test_texts_for_exif_are_known_in_any_case(nowhere: Path) -> None:
    """As every name is; one that is no tag is kept for the camera to name."""
    names = {"PICAMERA_EXIF_TAGS__ifd0.artist": "Ada", "PICAMERA_EXIF_TAGS__GPS.Speed": "9"}
    picture = _load(nowhere, **names).settings.capture

    assert picture.exif_tags == {"IFD0.Artist": "Ada", "GPS.Speed": "9"}
    assert picture.given == {
        "exif_tags.IFD0.Artist": "PICAMERA_EXIF_TAGS__ifd0.artist",
        "exif_tags.GPS.Speed": "PICAMERA_EXIF_TAGS__GPS.Speed",
    }


@pytest.mark.parametrize(
    ("zone", "offset_h"),
    [
        ("Asia/Tokyo", 9),
        ("asia/tokyo", 9),
        ("JST-9", 9),
        (":Asia/Tokyo", 9),
        ("UTC", 0),
        ("/usr/share/zoneinfo/Asia/Tokyo", 9),
    ],
)
def test_zone_in_the_usual_spellings(nowhere: Path, zone: str, offset_h: int) -> None:
    from datetime import datetime

    if zone.startswith("/") and not Path(zone).exists():
        zone = "Asia/Tokyo"  # this machine keeps its zones elsewhere
    offset = _load(nowhere, TZ=zone).settings.timezone.utcoffset(datetime(2026, 1, 1))  # noqa: DTZ001 (a wall clock)

    assert offset is not None
    assert offset.total_seconds() == offset_h * 3600


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("UTC", ""),
        ("Etc/GMT", ""),
        ("JST-9", ""),
        ("CET-1CEST,M3.5.0,M10.5.0/3", ""),
    ],
)
def test_zone_is_told_to_others_by_its_name_and_utc_is_none(nowhere: Path, zone: str, name: str) -> None:
    """UTC is what a container has that was never told where it is."""
    assert name_of(_load(nowhere, TZ=zone).settings.timezone) == name


def test_empty_zone_is_that_of_the_machine(nowhere: Path) -> None:
    assert _load(nowhere, TZ="").settings.timezone is not None


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * 100_000])
def test_secret_that_is_no_text_is_said(tmp_path: Path, nowhere: Path, content: bytes) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "SS_PASSWORD").write_bytes(content)

    with pytest.raises(SettingsError, match="SS_PASSWORD"):
        load(BASE, secrets, nowhere, nowhere)


def test_settings_come_from_nowhere_else(monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> None:
    """pydantic-settings would look at the environment by itself."""
    monkeypatch.setenv("CAMERA_SOURCE", "file:/x")
    monkeypatch.setenv("log_level", "DEBUG")

    assert _load(nowhere).settings.camera_source == "testcard"
    assert _load(nowhere).settings.log_level == "INFO"


NAMES = st.sampled_from(
    ["CAMERA_ID", "SCHEDULE", "TZ", "SS_BROKERS", "SS_TLS", "SS_TOPIC", "SS_TYPE", "SS_PROTOCOL", "SS_FOO", "SPOOL_MAX_BYTES",
     "PICAMERA_RESOLUTION", "PICAMERA_ZOOM", "PICAMERA_ROTATION", "PICAMERA2_CONTROLS_COLOUR_GAINS", "PUBLISH_BACKLOG_MAX_RATE", "SENSORS"]
)  # fmt: skip


@given(
    st.dictionaries(
        NAMES,
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
        max_size=4,
    )
)
def test_any_environment_is_settings_or_sentences(environ: dict[str, str]) -> None:
    """Never a traceback, whatever was typed."""
    nowhere = Path("/nonexistent")
    try:
        load({**BASE, **environ}, nowhere, nowhere, nowhere)
    except SettingsError as error:
        assert all(error.sentences)  # noqa: PT017 (either outcome is right)


def test_every_line_of_the_example_can_be_used(nowhere: Path) -> None:
    """What stands there as a default or an example must be one."""
    text = (DATA.parent.parent / ".env.example").read_text("utf-8")
    lines = [line.removeprefix("# ") for line in text.partition("# ===== The viewer")[0].splitlines()]
    pairs = [line.partition("=") for line in lines if line.partition("=")[0].isupper() and "=" in line]
    given = {name: value for name, _, value in pairs if value and " " not in name and "." not in name}

    assert len(given) > 20
    assert _load(nowhere, **{**given, "CAMERA_SOURCE": "testcard", "SS_TLS": "true"}).warnings == ()


def test_what_has_no_effect_is_said(tmp_path: Path) -> None:
    (tmp_path / ".sinetstream_config.yml").write_text("service-1: {}\n")

    warnings = load(
        {**BASE, "https_proxy": "http://proxy:3128"},
        tmp_path / "nowhere",
        tmp_path / ".env",
        tmp_path / "nowhere",
    ).warnings

    assert [warning.partition(": ")[0] for warning in warnings] == [
        "HTTPS_PROXY has no effect",
        f"{tmp_path}/.sinetstream_config.yml is not read",
    ]
