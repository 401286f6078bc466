"""How a broker is reached, as the arguments that either client library takes."""

import inspect
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from certificates import issue, openssl
from shutterbus_transport.settings import BrokerSettings, Tls


def _broker(**values: Any) -> BrokerSettings:
    return BrokerSettings.model_validate({"brokers": "kafka.example.org", **values})


@pytest.mark.parametrize(
    ("values", "port"),
    [
        ({}, 9092),
        ({"tls": {}}, 9093),
        ({"type": "mqtt"}, 1883),
        ({"type": "MQTT", "tls": {"certfile": "c"}}, 8883),
    ],
)
def test_port_follows_from_type_and_certificate(values: dict[str, Any], port: int) -> None:
    assert _broker(**values).brokers == (("kafka.example.org", port),)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a:1, b:2", ("a:1", "b:2")),
        ("a b:2,", ("a:9092", "b:2")),
        ("192.168.1.5", ("192.168.1.5:9092",)),
        ("[fe80::1]:9092", ("[fe80::1]:9092",)),
        ('["a:1","b"]', ("a:1", "b:9092")),
    ],
)
def test_several_brokers(text: str, addresses: tuple[str, ...]) -> None:
    assert _broker(brokers=text).addresses == addresses


@pytest.mark.parametrize("text", ["", ",", "a:0", "a:65536", "a:b", "kafka://a:9092", "fe80::1", "a/b"])
def test_what_is_no_address_is_answered_with_one(text: str) -> None:
    with pytest.raises(ValidationError, match=r"host:port is expected, such as kafka.example.org:9092"):
        _broker(brokers=text)


@given(st.text(max_size=60))
def test_any_text_is_addresses_or_an_error(text: str) -> None:
    try:
        broker = _broker(brokers=text)
    except ValidationError:
        return
    assert all(host and 0 < port < 65_536 for host, port in broker.brokers)


def test_producer_never_stays_silent_after_an_outage() -> None:
    """With idempotence it would; with several requests in flight a repeat would overtake its successor."""
    producer = _broker().kafka_producer()

    assert producer["enable_idempotence"] is False
    assert producer["acks"] == "all"
    assert producer["max_in_flight_requests_per_connection"] == 1
    assert producer["compression_type"] is None
    assert "api_version" not in producer


@pytest.mark.parametrize(
    ("ours", "brokers", "limit"),
    [
        (None, None, 104_857_600),
        (None, 2_097_164, 2_097_164),
        (1_000_000, 2_097_164, 1_000_000),
        (8_388_620, 2_097_164, 2_097_164),
    ],
)
def test_largest_request_is_only_lowered_by_the_setting(
    ours: int | None, brokers: int | None, limit: int
) -> None:
    assert _broker(max_request_size=ours).kafka_producer(brokers)["max_request_size"] == limit


def test_arguments_are_known_to_the_installed_libraries() -> None:
    """A renamed option would be an error only where a broker is reached."""
    broker = _broker(username="u", password="p", tls={}, client_id="me")

    assert set(broker.kafka_producer()) <= set(KafkaProducer.DEFAULT_CONFIG)
    assert set(broker.kafka_consumer()) <= set(KafkaConsumer.DEFAULT_CONFIG)
    assert set(broker.kafka_client()) <= set(KafkaAdminClient.DEFAULT_CONFIG)
    mqtt = _broker(type="mqtt", username="u", client_options={"bind_address": "127.0.0.1"})
    assert set(mqtt.mqtt_client()) <= set(inspect.signature(paho.Client).parameters)
    assert set(mqtt.mqtt_connect()) <= set(inspect.signature(paho.Client.connect).parameters)
    assert set(mqtt.mqtt_credentials() or {}) <= set(
        inspect.signature(paho.Client.username_pw_set).parameters
    )
    assert set(mqtt.mqtt_reconnect()) <= set(inspect.signature(paho.Client.reconnect_delay_set).parameters)
    paho.Client(CallbackAPIVersion.VERSION2, **mqtt.mqtt_client())


def test_delivery_outlasts_the_request() -> None:
    """kafka-python refuses it otherwise."""
    producer = _broker().kafka_producer()

    assert producer["delivery_timeout_ms"] >= producer["linger_ms"] + producer["request_timeout_ms"]


def test_options_of_the_user_reach_the_library() -> None:
    options = {"request_timeout_ms": 60_000}

    assert _broker(client_options=options).kafka_producer()["request_timeout_ms"] == 60_000


def test_consumer_finds_new_cameras_within_two_seconds() -> None:
    consumer = _broker().kafka_consumer()

    assert consumer["metadata_max_age_ms"] == 2000
    assert consumer["enable_auto_commit"] is False
    assert consumer["group_id"] is None


@pytest.mark.parametrize(
    ("values", "protocol"),
    [
        ({}, "PLAINTEXT"),
        ({"tls": {}}, "SSL"),
        ({"username": "u", "password": "p"}, "SASL_PLAINTEXT"),
        ({"username": "u", "password": "p", "tls": {}, "security_protocol": "sasl_ssl"}, "SASL_SSL"),
    ],
)
def test_security_protocol_follows(values: dict[str, Any], protocol: str) -> None:
    assert _broker(**values).kafka_client()["security_protocol"] == protocol


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"security_protocol": "SSL"}, "contradicts the other settings"),
        ({"password": "p"}, "<USERNAME> is needed"),
        ({"sasl_mechanism": "plain"}, "<USERNAME> and <PASSWORD> are needed"),
        ({"type": "mqtt", "brokers": "a,b"}, "MQTT connects to one"),
        ({"type": "s3"}, "not in this version"),
        ({"type": "kafak"}, r"did you mean kafka\?"),
        ({"tls": {"keyfile": "k"}}, "<TLS__CERTFILE>"),
        ({"topic": "a/b"}, "a Kafka topic"),
        ({"topic": "{place}"}, "a Kafka topic"),
        ({"type": "mqtt", "topic": "a/#"}, "an MQTT topic"),
        ({"protocol": "4.0"}, "5, 3.1.1 or 3.1"),
        ({"max_request_size": "100"}, "greater than or equal to 8192"),
    ],
)
def test_settings_that_cannot_work_together_are_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        _broker(**values)


@pytest.mark.parametrize("text", ["5", "MQTTv5", "v5", "5.0"])
def test_mqtt_version_in_every_spelling(text: str) -> None:
    assert _broker(type="mqtt", protocol=text).mqtt_client()["protocol"] == 5


@pytest.mark.parametrize(("text", "version"), [("MQTTv311", 4), ("3.1.1", 4), ("MQTTv31", 3), ("3.1", 3)])
def test_older_mqtt_versions(text: str, version: int) -> None:
    assert _broker(type="mqtt", protocol=text).mqtt_client()["protocol"] == version


@pytest.mark.parametrize(
    ("values", "qos"),
    [
        ({}, 1),
        ({"consistency": "at_most_once"}, 0),
        ({"consistency": "EXACTLY_ONCE"}, 2),
        ({"consistency": "EXACTLY_ONCE", "qos": "1"}, 1),
    ],
)
def test_quality_of_service(values: dict[str, Any], qos: int) -> None:
    assert _broker(type="mqtt", **values).mqtt_qos == qos


def test_password_does_not_show() -> None:
    assert "hunter2" not in repr(_broker(username="u", password="hunter2"))


def test_context_is_made_of_the_files_and_checks_the_name(tmp_path: Path) -> None:
    certificate, key = issue(tmp_path, "gate.2")

    context = Tls(ca_certs=certificate, certfile=certificate, keyfile=key).context()

    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
    assert not Tls(check_hostname=False).context().check_hostname


def test_encrypted_key_without_its_password_fails_and_does_not_ask(tmp_path: Path) -> None:
    """A service has no terminal; OpenSSL would wait at it for ever."""
    certificate, key = issue(tmp_path, "gate.2")
    locked = tmp_path / "locked.pem"
    openssl("pkcs8", "-topk8", "-in", str(key), "-passout", "pass:open", "-out", str(locked))

    with pytest.raises(OSError):  # noqa: PT011 (ssl.SSLError; its text is OpenSSL's)
        Tls(certfile=certificate, keyfile=locked).context()
    Tls.model_validate({"certfile": certificate, "keyfile": locked, "keyfile_password": "open"}).context()
