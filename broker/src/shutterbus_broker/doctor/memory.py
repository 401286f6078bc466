"""Whether Mosquitto's memory is filling up, and who fills it."""

from collections import Counter
from collections.abc import Sequence

from shutterbus_broker.memory import NAME
from shutterbus_broker.retained import Retained
from shutterbus_broker.topics import MIB
from shutterbus_runtime.checks import CheckResult, failure, ok, warning
from shutterbus_wire.names import camera_of_mqtt_topic

FULL, FILLING = 0.9, 0.75
HONEST_MESSAGES = 2
"""A camera leaves one picture in it, and small messages that take less than another."""


def judge(
    used_bytes: int | None, limit_bytes: int, retained: Sequence[Retained], message_max_bytes: int
) -> CheckResult:
    """Whether there is room. *used_bytes* is what Mosquitto says, None where it says nothing.

    *retained* is what it keeps, and counts where it cannot be asked.
    """
    kept_bytes = sum(message.size_bytes for message in retained)
    used = max(used_bytes or 0, kept_bytes)
    text = f"Mosquitto uses {used // MIB} of the {limit_bytes // MIB} MiB that it may ({NAME})"
    if used < limit_bytes * FILLING:
        return ok(f"{text}; {len(retained)} messages of {kept_bytes // MIB} MiB were kept when it saved last")
    told = failure if used >= limit_bytes * FULL else warning
    sizes, counts = Counter[str](), Counter[str]()
    for message in retained:
        camera = (camera_of_mqtt_topic(message.topic) or ("",))[0]
        sizes[camera] += message.size_bytes
        counts[camera] += 1
    camera, size_bytes = next(iter(sizes.most_common(1)), ("", 0))
    if camera and size_bytes > HONEST_MESSAGES * message_max_bytes:
        return told(
            f"{text}, and refuses what goes beyond; {camera} alone left {counts[camera]} messages of "
            f"{size_bytes // MIB} MiB there",
            f"make revoke CAMERA={camera}, which clears them; where it is to go on: make enroll CAMERA={camera}",
        )
    return told(f"{text}, and refuses what goes beyond", f"in .env: a larger {NAME}; make up")
