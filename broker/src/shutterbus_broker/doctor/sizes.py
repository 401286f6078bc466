"""What Kafka and its topics are set to, judged: nothing here asks a broker anything.

Each function takes settings by name, as the broker gave them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from shutterbus_broker.topics import FIXED, MIB
from shutterbus_runtime.checks import CheckResult, failure, ok, warning, worst_of

Settings = Mapping[str, str]
Topics = Mapping[str, Settings]

AGAIN = "docker compose restart setup"
"""What brings topics and rights back."""
UP = "docker compose up -d"
HEAP_MIN_BYTES = 320 * MIB
OLD_CLIENTS = "LEGACY"
"""What compose.legacy.yml calls its listener."""
_REPLICATED = {
    "offsets.topic.replication.factor": "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR",
    "transaction.state.log.replication.factor": "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR",
    "transaction.state.log.min.isr": "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR",
    "share.coordinator.state.topic.replication.factor": "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR",
}


def message(broker: Settings, wanted_bytes: int) -> CheckResult:
    """Whether the broker takes the messages that ``.env`` says."""
    return _at_least(broker, "message.max.bytes", wanted_bytes, "a picture beyond it is refused")


def requests(broker: Settings, wanted_bytes: int) -> CheckResult:
    """Whether a request may be as large as the message in it."""
    return _at_least(
        broker,
        "socket.request.max.bytes",
        wanted_bytes + MIB,
        "the broker cuts off a client that sends a larger one",
    )


def fetches(broker: Settings, wanted_bytes: int, brokers: int) -> CheckResult:
    """Whether messages are handed on in one piece, to readers and to other brokers."""
    results = [_at_least(broker, "fetch.max.bytes", wanted_bytes, "readers get one message at a time")]
    if brokers > 1:
        names = ("replica.fetch.max.bytes", "replica.fetch.response.max.bytes")
        results += [_at_least(broker, name, wanted_bytes, "copies fall behind") for name in names]
    return worst_of(results)


def segments(broker: Settings, topics: Topics, wanted_bytes: int) -> CheckResult:
    """Whether a segment of a log holds the largest message."""
    why = "a message larger than a segment is refused"
    return worst_of(
        [
            _at_least(broker, "log.segment.bytes", wanted_bytes, why),
            *(
                _at_least(settings, "segment.bytes", wanted_bytes, why, topic)
                for topic, settings in topics.items()
            ),
        ]
    )


def memory(broker: Settings, heap_options: str) -> CheckResult:
    """Whether what waits in the broker fits into its memory."""
    queued = int(broker["queued.max.request.bytes"])
    if queued < 0:
        return failure(
            "queued.max.request.bytes has no limit: requests that wait can fill the broker's memory, which then ends",
            f"in .env: KAFKA_QUEUED_MAX_REQUEST_BYTES={256 * MIB}; {UP}",
        )
    heap = _heap_bytes(heap_options)
    if heap is None:
        return ok(f"at most {_mib(queued)} of requests wait")
    if heap < HEAP_MIN_BYTES or queued * 2 > heap:
        return failure(
            f"the broker's heap is {_mib(heap)} (KAFKA_HEAP_OPTS), too little where {_mib(queued)} of requests may wait "
            "(queued.max.request.bytes)",
            f"in .env: KAFKA_HEAP_OPTS=-Xmx1g with KAFKA_MEMORY=2g, or a smaller KAFKA_QUEUED_MAX_REQUEST_BYTES; {UP}",
        )
    return ok(f"at most {_mib(queued)} of requests wait, in a heap of {_mib(heap)}")


def retention(topics: Topics, disk_max_bytes: int, own_bytes: int) -> CheckResult:
    """Whether every topic is trimmed, and all of them together fit into their part of the disk."""
    endless = [topic for topic, settings in topics.items() if int(settings["retention.bytes"]) < 0]
    if endless:
        return failure(
            f"{endless[0]} keeps everything (retention.bytes=-1){_and_more(endless)}: the disk will fill, and Kafka stop",
            AGAIN,
        )
    peak = own_bytes + sum(
        int(settings["retention.bytes"]) + 2 * int(settings["segment.bytes"]) for settings in topics.values()
    )
    if peak > disk_max_bytes:
        return failure(
            f"topics may grow to {_mib(peak)} together (retention.bytes), and KAFKA_DISK_MAX is {_mib(disk_max_bytes)}",
            AGAIN,
        )
    return ok(f"topics grow to {_mib(peak)} together, within {_mib(disk_max_bytes)}")


def replication(broker: Settings, brokers: int) -> CheckResult:
    """Whether Kafka's own topics ask for no more brokers than there are."""
    for name, variable in _REPLICATED.items():
        if name in broker and int(broker[name]) > brokers:
            return failure(
                f"{name} is {broker[name]}, and there is {brokers} broker: consumer groups would wait without end",
                f"in .env: {variable}={brokers}; {UP}",
            )
    return ok(f"Kafka's own topics are content with {brokers} broker")


def compression(broker: Settings, topics: Topics) -> CheckResult:
    """Whether the broker unpacks what it is sent, and so measures its true size."""
    where = {"the broker": broker, **topics}
    for name, settings in where.items():
        if (kind := settings["compression.type"]) != "uncompressed":
            return failure(
                f"compression.type of {name} is {kind}: a small message can unpack to a gigabyte in every reader",
                AGAIN if name in topics else _how("compression.type", "uncompressed"),
            )
    return ok("messages are stored as they are, so their size is the true one")


def client_certificates(broker: Settings) -> CheckResult:
    """Whether who shows no certificate is refused, on every listener but that for old clients, which has a check of its own.

    Not tried: Kafka would log a failed handshake, which looks like an attack.
    """
    protocols = dict(entry.split(":") for entry in broker["listener.security.protocol.map"].split(","))
    for listener in (entry.partition("://")[0] for entry in broker["listeners"].split(",")):
        if listener == OLD_CLIENTS:
            continue
        auth = broker.get(f"listener.name.{listener.lower()}.ssl.client.auth") or broker["ssl.client.auth"]
        if protocols[listener] != "SSL" or auth != "required":
            return failure(
                f"the listener {listener} lets in who shows no certificate (it speaks {protocols[listener]}, "
                f"ssl.client.auth is {auth})",
                f"{UP} --force-recreate kafka",
            )
    return ok("who shows no certificate is refused")


def limits_of_topics(own_limits: Mapping[str, int], wanted_bytes: int) -> CheckResult:
    """Whether a topic has a limit of its own, which overrides the broker's and outlives every change of it."""
    lower = [topic for topic, limit in own_limits.items() if limit < wanted_bytes]
    if lower:
        return failure(
            f"{lower[0]} has a max.message.bytes of its own, {own_limits[lower[0]]}, below the broker's "
            f"{wanted_bytes}{_and_more(lower)}",
            AGAIN,
        )
    if own_limits:
        topic, limit = next(iter(own_limits.items()))
        return warning(
            f"{topic} has a max.message.bytes of its own, {limit}: make 4k will not change it", AGAIN
        )
    return ok("no topic has a limit of its own")


def rules_of_topics(topics: Topics) -> CheckResult:
    """Whether topics keep what they must besides sizes."""
    return worst_of(
        list(_broken_rules(topics)) or [ok(f"{len(topics)} topics are kept as they should be")],
    )


def _broken_rules(topics: Topics) -> Iterator[CheckResult]:
    for topic, settings in topics.items():
        for name, value in FIXED.items():
            if name != "compression.type" and settings[name] != value:
                yield failure(f"{name} of {topic} is {settings[name]}, not {value}", AGAIN)


def _at_least(settings: Settings, name: str, wanted_bytes: int, why: str, topic: str = "") -> CheckResult:
    value = int(settings[name])
    of = f"{name} of {topic}" if topic else name
    if value < wanted_bytes:
        return failure(
            f"{of} is {value}, and {wanted_bytes} is needed (KAFKA_MESSAGE_MAX_BYTES): {why}",
            AGAIN if topic else _how(name, wanted_bytes),
        )
    return ok(f"{name} is {value}")


def _how(name: str, value: int | str) -> str:
    if name in {"message.max.bytes", "compression.type"}:
        # Both are given by the compose file, so the broker is older than it, or was told otherwise while it ran.
        return (
            f"{UP}; or, where it was set on the running broker: kafka-configs.sh --alter --entity-type brokers "
            f"--delete-config {name}"
        )
    return f"in .env: KAFKA_{name.upper().replace('.', '_')}={value} or nothing; {UP}"


def _heap_bytes(options: str) -> int | None:
    match = re.search(r"-Xmx(\d+)([kmg]?)\b", options, re.IGNORECASE)
    if not match:
        return None
    return int(match[1]) * {"": 1, "k": 1 << 10, "m": MIB, "g": 1 << 30}[match[2].lower()]


def _mib(size_bytes: int) -> str:
    return f"{size_bytes // MIB} MiB"


def _and_more(topics: Iterable[str]) -> str:
    more = len(list(topics)) - 1
    return f", and so do {more} more" if more > 0 else ""
