"""A camera that fills Mosquitto's memory, on a server that ``make`` has set up: it lives, says who it is, and is healed."""

import contextlib
import json
import queue
import secrets
import threading
import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shutterbus_transport.errors import BrokerUnavailableError, NoSubscribersError, TransportError
from shutterbus_transport.mqtt.reader import SESSION_S
from shutterbus_transport.mqtt.sending import MqttClient, Version
from shutterbus_transport.sending import Outgoing
from shutterbus_wire.message import Message
from stack.brokers import docker
from stack.servers import Identity, Server, server
from stack.test_identities import DENIED, NO_SUBSCRIBERS, Publisher
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack(minutes=1.5), pytest.mark.timeout(600)]

MIB = 1 << 20
ENV = "COMPOSE_PROFILES=mqtt\nMOSQUITTO_MEMORY=192m\n"
LIMIT_BYTES = 128 * MIB
LARGEST_BYTES = 2_097_164 - 4096
SIZES_BYTES = (LARGEST_BYTES, 500_000)
TAKEN_MAX = 1_000
USER_PROPERTIES = {"specversion": "1.0", "type": "shutterbus.reading.v1"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Mosquitto alone, with little memory."""
    with server(tmp_path_factory.mktemp("server"), "mosquitto", env=ENV) as made:
        made.up()
        yield made


def _container(running: Server) -> tuple[str, int, bool]:
    """Return since when Mosquitto runs, how often it was started again, and whether it was killed for its memory."""
    (container,) = json.loads(docker("inspect", running.compose("ps", "-q", "mosquitto").strip()))
    return container["State"]["StartedAt"], container["RestartCount"], container["State"]["OOMKilled"]


def _up_at_last(running: Server) -> None:
    """Return when it is healthy: Compose does not wait for one that ends, or fails its health check, meanwhile."""
    until_s = time.monotonic() + 120
    while True:
        try:
            running.up()
        except RuntimeError:
            assert time.monotonic() < until_s
        else:
            return


def _flood(identity: Identity, size_bytes: int) -> int:
    """Leave messages of *size_bytes* until three connections in a row take none; return how many there are then.

    Or until there are more than its memory has room for beside what it held before: then it has crashed and begun anew.
    """
    taken, refused = 0, 0
    while refused < 3 and taken < TAKEN_MAX:
        refused += 1
        try:
            client = MqttClient(identity.mqtt, secrets.token_hex(8), Version(5))
        except TransportError:
            continue
        answers: queue.SimpleQueue[TransportError | None] = queue.SimpleQueue()
        message = Message(secrets.token_bytes(size_bytes), "application/octet-stream", USER_PROPERTIES)
        while taken < TAKEN_MAX:
            topic = f"shutterbus/gate/readings/x{size_bytes}-{taken}"
            client.send(Outgoing(topic, b"", message, retain=True), answers.put)
            answer = answers.get(timeout=20)
            if answer and not isinstance(answer, NoSubscribersError):
                assert isinstance(answer, BrokerUnavailableError), answer
                break
            taken, refused = taken + 1, 0
        client.close()
    return taken


def _publish(identity: Identity, size_bytes: int) -> int:
    publisher = Publisher(identity.mqtt)
    try:
        return publisher.publish("shutterbus/yard/frames", secrets.token_bytes(size_bytes), retain=True)
    finally:
        publisher.close()


@contextlib.contextmanager
def _reading(
    identity: Identity, arrived: "queue.SimpleQueue[bytes]", session_s: int = 3_600
) -> Iterator[None]:
    """A reader of yard's pictures with a session that outlives its connection, here for the length of the context."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "nas", protocol=mqtt.MQTTv5)
    assert identity.mqtt.tls is not None
    client.tls_set_context(identity.mqtt.tls.context())
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: arrived.put(bytes(message.payload))
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has few types
    properties.SessionExpiryInterval = session_s
    ((host, port),) = identity.mqtt.brokers
    client.connect(host, port, clean_start=False, properties=properties)
    client.loop_start()
    try:
        client.subscribe("shutterbus/yard/frames", qos=1)
        assert subscribed.wait(20)
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def _restart(running: Server) -> None:
    """Start Mosquitto again; return when it has its usual limit."""
    running.compose("restart", "mosquitto")
    running.up()
    tries = running.folder / "state/mosquitto/data/mosquitto.db.tries"
    wait_until(lambda: not tries.exists(), 30, lambda: "it is not yet as usual")


def test_reload_while_a_reader_is_away_ends_nobody_else(running: Server) -> None:
    """Mosquitto before 2.1 may note a session for its end twice, and later ends whoever has the memory of the first."""
    ponds = [running.enroll(f"pond-{number}") for number in range(4)]
    nas, arrived = running.enroll_reader("shelf"), queue.SimpleQueue[bytes]()
    with _reading(nas, arrived, SESSION_S):
        pass
    _restart(running)
    starts = _container(running)[1]
    docker("exec", running.compose("ps", "-q", "mosquitto").strip(), "sh", "-c", "kill -HUP 1")
    with _reading(nas, arrived, SESSION_S), contextlib.ExitStack() as stack:
        publishers = [Publisher(pond.mqtt) for pond in ponds]
        for publisher in publishers:
            stack.callback(publisher.close)
        time.sleep(2)  # it looks for sessions to end once a second
        answers = [
            publisher.publish(f"shutterbus/{pond.name}/frames", b"x")
            for pond, publisher in zip(ponds, publishers, strict=True)
        ]
    assert set(answers) <= {0, NO_SUBSCRIBERS}
    assert "Expiring client" not in running.compose("logs", "--no-color", "mosquitto")
    assert _container(running)[1] == starts


def test_reader_that_is_away_misses_nothing_when_mosquitto_starts_again(running: Server) -> None:
    """Nor when ``make up`` finds nothing to do: after a reload, its session would have no rights until it is back."""
    yard, nas = running.enroll("yard").mqtt, running.enroll_reader("nas")
    arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    with _reading(nas, arrived):
        pass
    for again in ("up", "restart"):
        if again == "up":
            running.make("up")
        else:
            _restart(running)
        publisher = Publisher(yard)
        assert publisher.publish("shutterbus/yard/frames", again.encode()) == 0
        publisher.close()
        with _reading(nas, arrived):
            assert arrived.get(timeout=20) == again.encode()


def test_camera_that_fills_the_memory_stops_nobody_for_good(running: Server) -> None:
    """With pictures where readings belong, and then with smaller ones."""
    gate, yard = running.enroll("gate"), running.enroll("yard")
    assert _publish(yard, LARGEST_BYTES) in {0, NO_SUBSCRIBERS}
    before = _container(running)

    taken = {size_bytes: _flood(gate, size_bytes) for size_bytes in SIZES_BYTES}

    kept = sum(size_bytes * count for size_bytes, count in taken.items())
    assert 0.7 * LIMIT_BYTES < kept < LIMIT_BYTES, taken
    assert _container(running) == before, running.compose("logs", "--no-color", "--tail", "40")

    with pytest.raises(RuntimeError) as doctor:
        running.make("doctor")
    (line,) = [line for line in str(doctor.value).splitlines() if "mosquitto memory" in line]
    assert "gate alone left" in line, doctor.value
    assert "make revoke CAMERA=gate" in str(doctor.value)

    running.compose("restart", "mosquitto")
    running.up()  # healthy, with all of it in memory again
    before = _container(running)
    held = Publisher(gate.mqtt)
    started_s = time.monotonic()

    said = running.make("revoke", CAMERA="gate")

    took_s = time.monotonic() - started_s
    print(f"{kept / MIB:.0f} MiB of {taken} cleared, revoke took {took_s:.0f} s: {said}")
    assert f"Mosquitto has cleared {sum(taken.values())} messages of gate" in said
    assert held.publish("shutterbus/gate/frames") == DENIED
    held.close()
    for _ in range(3):
        assert _publish(yard, LARGEST_BYTES) in {0, NO_SUBSCRIBERS}
    assert _container(running) == before, "it took a restart"
    reader = Publisher(running.enroll_reader("nas").mqtt)
    reader.subscribe("shutterbus/#")
    assert reader.arrived.get(timeout=10)[0] == "shutterbus/yard/frames"
    with pytest.raises(queue.Empty):
        reader.arrived.get(timeout=1)
    reader.close()


@pytest.mark.soak
def test_memory_without_a_byte_left_is_healed_as_well(running: Server) -> None:
    """Mosquitto 2.0 may crash on a connection it has no memory for: then it is back by itself, with what it saved last."""
    gate, yard = running.enroll("gate"), running.unpacked("yard")
    for size_bytes in (*SIZES_BYTES, 50_000, 2_000, 100):
        _flood(gate, size_bytes)
    _up_at_last(running)
    running.make("revoke", CAMERA="gate")
    _up_at_last(running)
    for _ in range(3):
        assert _publish(yard, LARGEST_BYTES) in {0, NO_SUBSCRIBERS}


@pytest.mark.soak
def test_database_that_the_memory_does_not_hold_is_set_aside(running: Server) -> None:
    """As where somebody gave it less: it would start again for ever. What its cameras send next is kept as always."""
    gate, yard = running.enroll("gate"), running.unpacked("yard")
    _flood(gate, LARGEST_BYTES)
    env, data = running.folder / ".env", running.folder / "state/mosquitto/data"
    text = env.read_text()
    env.write_text(text.replace("MOSQUITTO_MEMORY=192m", "MOSQUITTO_MEMORY=100m"))
    try:
        _up_at_last(running)
        assert (data / "mosquitto.db.too-large").stat().st_size > 100 * MIB
        assert "set aside, starting without it" in running.compose("logs", "mosquitto")
        assert _publish(yard, LARGEST_BYTES) in {0, NO_SUBSCRIBERS}
    finally:
        env.write_text(text)
        running.up()
        running.make("revoke", CAMERA="gate")


def test_cameras_that_the_memory_does_not_hold_are_not_enrolled(running: Server) -> None:
    """Nor is a larger picture allowed for those there are."""
    names = "\n".join(f"camera-{number}" for number in range(40))
    (running.folder / "cameras.csv").write_text(names)
    with pytest.raises(
        RuntimeError, match=r"too little for 4\d cameras.*in \.env set MOSQUITTO_MEMORY=2\d\dm"
    ):
        running.make("enroll", FROM="cameras.csv")
    with pytest.raises(RuntimeError, match=r"Mosquitto may use 128 MiB .* up to 8388620 bytes"):
        running.make("4k")
    assert "KAFKA_MESSAGE_MAX_BYTES=2097164" in (running.folder / ".env").read_text()
