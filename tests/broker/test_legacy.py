"""Which topics may be opened to clients without a certificate."""

import pytest

from shutterbus_broker import legacy, mosquitto
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import Identities


def test_topics_are_listed_with_commas_or_blanks() -> None:
    """Each once."""
    settings = {"LEGACY_TOPICS": "image-sinetstream, old/camera  image-sinetstream"}
    assert legacy.listed(settings) == ("image-sinetstream", "old/camera")
    assert legacy.on_kafka(legacy.listed(settings)) == ("image-sinetstream",)
    assert legacy.listed({}) == ()


@pytest.mark.parametrize(
    "topic",
    [
        *("shutterbus.gate.frames", "shutterbus/gate/frames", "shutterbus-doctor", "shutterbus"),
        *("#", "old/+", "old*", "$SYS/broker", "__consumer_offsets", "/leading", ".."),
    ],
)
def test_topic_of_ours_or_a_wildcard_is_refused(topic: str) -> None:
    """One word in .env must not undo what certificates are for."""
    with pytest.raises(SetupError, match="cannot be opened to everybody"):
        legacy.listed({"LEGACY_TOPICS": f"image {topic}"})


def test_anybody_writes_and_only_viewer_and_archive_read() -> None:
    """Old clients' rights on Mosquitto stand in another file, where no user name means anything."""
    rights_by_user = dict(legacy.rights(("image", "old/camera")))
    assert {right.operation for right in rights_by_user[legacy.ANYBODY].kafka} == {"WRITE"}
    assert {right.access for right in rights_by_user[legacy.ANYBODY].mqtt} == {"write"}
    acl = mosquitto.acl(Identities({}, {}), ("image", "old/camera"))
    assert "write image" not in acl
    topics = "topic read image\ntopic read old/camera\n"
    assert acl.endswith(f"user viewer.service\n{topics}\nuser archive.service\n{topics}")
    assert legacy.ANYBODY not in acl
