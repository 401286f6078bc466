"""What an empty wall says to type fits the broker that its viewer reads from."""

from pathlib import Path

import pytest

from shutterbus_viewer.load import load
from shutterbus_viewer.show.first_camera import ENROLL, FirstCamera, first_camera


def fitting(**environ: str) -> FirstCamera:
    loaded = load({"VIEWER_PASSWORD": "secret", **environ}, Path("/nonexistent"), Path("/nonexistent"))
    return first_camera(loaded.settings.brokers)


def test_broker_without_certificates_is_named_in_full() -> None:
    told = fitting(VIEWER_MQTT_BROKERS="127.0.0.1:1884", VIEWER_MQTT_PROTOCOL="3.1.1")
    assert told.command == (
        "CAMERA_ID=gate CAMERA_SOURCE=testcard SS_TYPE=mqtt SS_BROKERS=127.0.0.1:1884 SS_PROTOCOL=3.1.1 "
        ".venv/bin/shutterbus-edge run"
    )


def test_kafka_gets_its_topics_first() -> None:
    told = fitting(VIEWER_KAFKA_BROKERS="kafka.example.org,other.example.org")
    assert told.command == (
        ".venv/bin/shutterbus-broker topics gate --brokers kafka.example.org:9092 && "
        "CAMERA_ID=gate CAMERA_SOURCE=testcard SS_TYPE=kafka SS_BROKERS=kafka.example.org:9092,other.example.org:9092 "
        ".venv/bin/shutterbus-edge run"
    )


def test_broker_that_wants_certificates_means_enrolling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutterbus_transport.tls.Tls.context", lambda _tls: None)  # no files here
    assert (
        fitting(VIEWER_KAFKA_BROKERS="kafka:9094", VIEWER_KAFKA_TLS__CERTFILE="/run/tls/client.crt") == ENROLL
    )
