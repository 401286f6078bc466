"""Which lines of ``.env`` are for Kafka."""

from shutterbus_broker import kafka_settings


def test_settings_of_kafka_and_ours_about_it_are_known() -> None:
    """What compose.server.yml sets or reads itself as well."""
    named = (
        "KAFKA_NUM_IO_THREADS",
        "KAFKA_HEAP_OPTS",
        "KAFKA_DISK_MAX",
        "KAFKA_MEMORY",
        "VIEWER_PASSWORD",
        "TZ",
    )
    assert list(kafka_settings.warnings(dict.fromkeys(named, "1"))) == []


def test_misspelt_setting_of_kafka_is_named_with_the_one_that_was_meant() -> None:
    """It would have no effect, and nothing else would say so."""
    (sentence,) = kafka_settings.warnings({"KAFKA_NUM_IO_THREAD": "8"})
    assert sentence.startswith("KAFKA_NUM_IO_THREAD in .env is no setting of this version of Kafka")
    assert sentence.endswith("did you mean KAFKA_NUM_IO_THREADS?")
    (sentence,) = kafka_settings.warnings({"KAFKA_XYZZY_PLUGH": "8"})
    assert sentence.endswith("and has no effect")
