"""Options of a client library that have no setting of their own: known by name, typed by their default."""

from collections.abc import Iterable, Mapping
from typing import Any

from shutterbus_runtime.settings import Given, OptionCheck, unusable
from shutterbus_runtime.settings.values import did_you_mean, read_number, read_switch, read_whole

_OURS = "Shutterbus sets it itself, so that no picture is lost or repeated out of order"
KAFKA_RESERVED: Mapping[str, str] = {
    "bootstrap_servers": "it is called BROKERS here",
    "enable_idempotence": "with it this client never sends again after a long outage; repeats are recognised by their id",
    **dict.fromkeys(
        (
            "acks",
            "retries",
            "max_in_flight_requests_per_connection",
            "transactional_id",
            "transaction_timeout_ms",
        ),
        _OURS,
    ),
    **dict.fromkeys(
        ("group_id", "enable_auto_commit", "auto_commit_interval_ms", "auto_offset_reset"), _OURS
    ),
    "api_version": "the broker is asked for its version",
    "buffer_memory": "this client has no such bound any more; SPOOL_MEMORY_MAX_BYTES is ours",
    "ssl_crlfile": "revocation lists are not in this version",
    **dict.fromkeys(
        (
            "sasl_kerberos_name",
            "sasl_kerberos_service_name",
            "sasl_kerberos_domain_name",
            "sasl_oauth_token_provider",
        ),
        "Kerberos and OAuth are not in this version; SASL_MECHANISM PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are",
    ),
}

MQTT_OPTIONS: Mapping[str, Any] = {
    "reconnect_delay_set__min_delay": 1,
    "reconnect_delay_set__max_delay": 30,
    "bind_address": "",
    "bind_port": 0,
}
MQTT_RESERVED: Mapping[str, str] = {
    "max_inflight_messages_set__inflight": _OURS,
    "max_queued_messages_set__queue_size": _OURS,
    "message_retry_set__retry": "MQTT repeats a message only on a new connection",
    "tls_insecure_set__value": "it is called TLS__CHECK_HOSTNAME here, with the opposite value",
    "ws_set_options__headers": "further headers are not in this version",
    **dict.fromkeys(
        ("will_set__topic", "will_set__payload", "will_set__qos", "will_set__retain"),
        "the will is what tells a viewer that the camera is offline",
    ),
}


def kafka_options(defaults: Mapping[str, Any], prefix: str, own: Iterable[str] = ()) -> OptionCheck:
    """Return the check of options against a kafka-python client's ``DEFAULT_CONFIG``.

    *own* are the names of the settings beside, for suggestions.
    """
    return _check("kafka-python", defaults, KAFKA_RESERVED, prefix, own)


def mqtt_options(prefix: str, own: Iterable[str] = ()) -> OptionCheck:
    """Return the check of options against those of paho that can be given as text."""
    return _check("paho-mqtt", MQTT_OPTIONS, MQTT_RESERVED, prefix, own)


def _check(
    library: str, defaults: Mapping[str, Any], reserved: Mapping[str, str], prefix: str, own: Iterable[str]
) -> OptionCheck:
    names = [*own, *(prefix + name.upper() for name in defaults)]

    def check(members: Mapping[str, Given]) -> tuple[dict[str, Any], list[str]]:
        typed: dict[str, Any] = {}
        sentences = []
        for key, given in members.items():
            option = key.lower()
            default = defaults.get(option)
            if option in reserved:
                sentences.append(f"{given.name} cannot be set: {reserved[option]}.")
            elif option not in defaults:
                hint = did_you_mean(given.name, names) or "."
                sentences.append(f"{given.name} is neither a setting nor an option of {library}{hint}")
            elif not (default is None or isinstance(default, (bool, int, float, str))):
                sentences.append(f"{given.name} cannot be set: {library} takes no text for it.")
            else:
                try:
                    # The last part alone: paho's options are arguments of its methods.
                    typed[option.rpartition("__")[2]] = _typed(option, default, given.value)
                except ValueError as error:
                    sentences.append(unusable(given, str(error)))
        return typed, sentences

    return check


def _typed(option: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        return read_switch(text)
    if isinstance(default, int) or option.endswith(("_ms", "_bytes")):
        return read_whole(text)
    if isinstance(default, float):
        return read_number(text)
    if not text:
        raise ValueError("a text is expected")
    return text
