"""The publisher as the rest of the edge sees it, and the parts that its lanes are made of."""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.fakes_publish import FakeBroker, picture
from edge.fakes_tls import Authority
from edge.fakes_tls import listening as listening_by_tls
from fakes import FakeClock
from shutterbus_edge.publish import Publisher
from shutterbus_edge.publish.backlog import TokenBucket
from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.publish.retry import Retry
from shutterbus_edge.settings.edge import EdgeSettings, Order, PublishSettings
from shutterbus_edge.spool import Held, Spool
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.errors import (
    BrokerUnavailableError,
    MessageRefusedError,
    NoSubscribersError,
    NotAuthorizedError,
    TransportMisconfiguredError,
)
from shutterbus_transport.kafka import library as kafka_net
from shutterbus_transport.kafka.sending import KafkaClient
from shutterbus_transport.log_throttle import quiet
from shutterbus_transport.mqtt.sending import MqttClient, Version
from shutterbus_transport.probe import speaks_tls, tls_refusal
from shutterbus_transport.sending import OpenClient, SendingClient
from shutterbus_transport.settings import BrokerSettings, Tls
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.telemetry import Status

EPOCH = "0123456789abcdef"
FACTS = FrameMetadata("gate", FrameId(EPOCH, 7), 1_750_000_000_000_000)
NEVER_S = 3600
"""A grace that no test lives to see the end of: a stop that waits for it is a failure."""


@pytest.fixture
def listening() -> Iterator[int]:
    """A port on which something accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool", camera="gate", clock=SystemClock(), mode="memory")
    yield made
    made.close()


def publisher_on(
    broker: FakeBroker,
    port: int,
    spool: Spool,
    live: OpenClient | None = None,
    order: Order = "live-first",
    **more: str,
) -> Publisher:
    settings = EdgeSettings(
        broker=BrokerSettings(type="mqtt", brokers=(("127.0.0.1", port),), **more),
        camera_id="gate",
        publish=PublishSettings(order=order),
    )

    def open_live() -> SendingClient:
        return broker.open("live")

    return Publisher(
        settings,
        "gate",
        spool,
        SystemClock(),
        openers={"live": live or open_live, "backlog": lambda: broker.open("backlog")},
    )


def shoot(spool: Spool) -> Held:
    metadata = FrameMetadata("gate", spool.next_id(), 1_750_000_000_000_000)
    return spool.put(metadata, picture(metadata))


def wait(condition: Callable[[], bool], broker: FakeBroker) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s
        broker.turn()
        time.sleep(0.005)


def test_publisher_learns_the_limit_and_keeps_it_in_the_spool(spool: Spool, listening: int) -> None:
    """So that pictures are taken small enough from the first, also while the broker is away."""
    broker = FakeBroker(FakeClock(), limit_bytes=1_004_096)
    publisher = publisher_on(broker, listening, spool)
    assert publisher.frame_max_bytes is None
    publisher.start()
    wait(lambda: publisher.frame_max_bytes is not None, broker)
    publisher.stop(0)

    assert publisher.frame_max_bytes == 1_000_000
    assert spool.frame_max_bytes == 1_000_000


def test_stop_sends_the_last_picture_and_says_offline(spool: Spool, listening: int) -> None:
    broker = FakeBroker(FakeClock())
    publisher = publisher_on(broker, listening, spool)
    publisher.publish_status(Status(camera="gate", state="online", since_us=5))
    publisher.start()
    wait(lambda: publisher.state().lanes["live"].connected, broker)
    held = shoot(spool)
    publisher.offer(held)
    answering = threading.Thread(target=lambda: wait(lambda: broker.open_clients == 0, broker))
    answering.start()
    publisher.stop(5)
    answering.join()

    assert broker.ids[0] == "status-online-5"
    assert str(held.id) in broker.ids
    assert broker.ids[-1].startswith("status-offline-")
    assert spool.counts().held_frames == 0
    assert publisher.state().ended == ()


def test_stop_without_a_broker_takes_no_time_and_loses_nothing(spool: Spool) -> None:
    broker = FakeBroker(FakeClock(), refusal=BrokerUnavailableError("away"))
    publisher = publisher_on(broker, 1, spool)
    publisher.start()
    publisher.offer(shoot(spool))
    publisher.stop(NEVER_S)

    assert spool.counts().held_frames == 1


def test_stop_where_nobody_listens_takes_no_time_and_loses_nothing(spool: Spool, listening: int) -> None:
    """A broker says so again and again, and no grace is long enough for somebody to subscribe."""
    broker = FakeBroker(
        FakeClock(),
        verdict=lambda sent: NoSubscribersError("nobody") if sent.topic.endswith("frames") else None,
    )
    publisher = publisher_on(broker, listening, spool)
    publisher.publish_status(Status(camera="gate", state="online", since_us=5))
    publisher.start()
    publisher.offer(shoot(spool))
    wait(lambda: publisher.state().lanes["live"].reason == "nobody", broker)
    answering = threading.Thread(target=lambda: wait(lambda: broker.open_clients == 0, broker))
    answering.start()
    publisher.stop(NEVER_S)
    answering.join()

    assert broker.ids[-1].startswith("status-offline-")
    assert spool.counts().held_frames == 1


def test_stop_does_not_wait_for_a_broker_that_accepts_and_says_nothing(spool: Spool, listening: int) -> None:
    """Whoever stops us kills us soon, and with us the pictures that are only in memory."""
    connecting, never = threading.Event(), threading.Event()

    def hang() -> SendingClient:
        connecting.set()
        never.wait(60)
        return broker.open("live")

    broker = FakeBroker(FakeClock())
    publisher = publisher_on(broker, listening, spool, live=hang)
    publisher.start()
    held = shoot(spool)
    publisher.offer(held)
    assert connecting.wait(10)
    publisher.stop(NEVER_S)

    never.set()
    publisher._threads["live"].join(10)
    assert broker.clients[0].in_flight == 0, "the spool may be closed by now"
    assert spool.counts().held_frames == 1


def test_telemetry_has_no_place_beside_a_topic_that_the_user_named(spool: Spool, listening: int) -> None:
    """Its readers know pictures only, and nobody asked for further topics on that broker."""
    broker = FakeBroker(FakeClock())
    publisher = publisher_on(broker, listening, spool, topic="street/pictures")
    publisher.publish_status(Status(camera="gate", state="online", since_us=5))
    publisher.offer_telemetry(spool.put_telemetry("reports", 0, b"{}"))
    publisher.start()
    publisher.offer(shoot(spool))
    wait(lambda: bool(broker.received), broker)
    publisher.stop(0)

    assert len(broker.received) == 1
    assert spool.counts().held_telemetry == 0


def test_stop_in_order_sends_what_is_held(spool: Spool, listening: int) -> None:
    broker = FakeBroker(FakeClock())
    publisher = publisher_on(broker, listening, spool, order="in-order")
    publisher.start()
    wait(lambda: publisher.state().lanes["live"].connected, broker)
    ids = []
    for _ in range(3):
        ids.append(str((held := shoot(spool)).id))
        publisher.offer(held)
    answering = threading.Thread(target=lambda: wait(lambda: broker.open_clients == 0, broker))
    answering.start()
    publisher.stop(NEVER_S)
    answering.join()

    assert broker.received == [("backlog", identity) for identity in ids]
    assert spool.counts().held_frames == 0


def test_dead_lane_is_seen(spool: Spool, listening: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has to be started again; nothing inside it will."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    broker = FakeBroker(FakeClock())
    publisher = publisher_on(broker, listening, spool)
    monkeypatch.setattr(publisher._live, "step", lambda: 1 / 0)
    publisher.start()
    wait(lambda: publisher.state().ended == ("live",), broker)
    publisher.stop(0)


def test_our_topics_by_transport() -> None:
    assert Encoder("kafka", "gate").frames_topic == "shutterbus.gate.frames"
    assert Encoder("mqtt", "gate").frames_topic == "shutterbus/gate/frames"
    assert Encoder("mqtt", "gate", topic="street/{camera}").frames_topic == "street/gate"
    assert Encoder("mqtt", "gate", topic="shutterbus/{camera}/frames").is_ours


def test_format_of_a_named_topic_is_what_its_readers_understand() -> None:
    assert Encoder("kafka", "gate").message_format == "jpeg"
    assert Encoder("kafka", "gate", topic="street").message_format == "3"
    assert Encoder("kafka", "gate", topic="street", message_format="jpeg").message_format == "jpeg"


def test_lane_is_told_in_the_attributes() -> None:
    outgoing = Encoder("mqtt", "gate").frame(picture(FACTS), "backlog")

    assert outgoing.message.attributes["lane"] == "backlog"
    assert outgoing.message.attributes["id"] == f"{EPOCH}-7"
    assert outgoing.key == b"gate"


def test_retain_can_be_forbidden_and_asked_for() -> None:
    live = picture(FACTS)
    assert Encoder("mqtt", "gate").frame(live, "live").retain
    assert not Encoder("mqtt", "gate", retain=False).frame(live, "live").retain
    assert Encoder("mqtt", "gate", topic="street", retain=True).frame(live, "live").retain
    assert not Encoder("kafka", "gate").frame(live, "live").retain


def test_picture_without_its_facts_is_refused() -> None:
    with pytest.raises(MessageRefusedError):
        Encoder("mqtt", "gate").frame(b"\xff\xd8\xff\xd9", "live")


def test_base64_leaves_less_room() -> None:
    assert Encoder("mqtt", "gate").frame_max_bytes(2_097_164) == 2_093_068
    assert Encoder("mqtt", "gate", message_format="json").frame_max_bytes(2_097_164) == 1_569_801


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (BrokerUnavailableError("away"), [0.5, 1, 2, 4, 5, 5]),
        (NoSubscribersError("nobody"), [5, 10, 20, 40, 60, 60]),
        (NotAuthorizedError("no right"), [5, 10, 20, 40, 60, 60]),
        (TransportMisconfiguredError("wrong password"), [60, 60, 60]),
    ],
)
def test_patience_depends_on_what_went_wrong(error: BrokerUnavailableError, waits: list[float]) -> None:
    retry = Retry(jitter=lambda: 1.0)
    seen = []
    for _ in waits:
        retry.failed(error, 100.0)
        seen.append(retry.wait_s(100.0))

    assert seen == waits
    retry.succeeded()
    assert retry.wait_s(100.0) == 0
    assert retry.reason == ""


def test_server_that_was_away_for_long_and_now_lacks_our_rights_is_asked_again_soon() -> None:
    """As when it is set up for the first time while its cameras are waiting."""
    retry = Retry(jitter=lambda: 1.0)
    for _ in range(1000):
        retry.failed(BrokerUnavailableError("away"), 0.0)
    retry.failed(NotAuthorizedError("no right"), 0.0)
    assert retry.wait_s(0.0) == 5
    retry.failed(TransportMisconfiguredError("wrong password"), 0.0)
    assert retry.wait_s(0.0) == 60


def test_broker_that_is_away_is_tried_at_random_instants() -> None:
    """A thousand cameras must not come back as one."""
    shares = iter([0.1, 0.9])
    retry = Retry(jitter=lambda: next(shares))
    retry.failed(BrokerUnavailableError("away"), 0.0)
    first = retry.wait_s(0.0)
    retry.failed(BrokerUnavailableError("away"), 0.0)

    assert [first, retry.wait_s(0.0)] == pytest.approx([0.05, 0.9])


def test_allowance_may_go_into_debt_for_one_message() -> None:
    clock = FakeClock()
    allowance = TokenBucket(100_000, clock)
    assert allowance.wait_s() == 0
    allowance.take(1_000_000)
    assert allowance.wait_s() == pytest.approx(10)
    clock.pass_s(10)
    assert allowance.wait_s() == 0
    assert TokenBucket(None, clock).wait_s() == 0


def test_tls_is_recognised_on_the_other_side(listening: int) -> None:
    """So that a client without it can be told what to set."""
    assert not speaks_tls(("127.0.0.1", 1))
    with socket.create_server(("127.0.0.1", 0)) as server:
        # Without a certificate it can only say, in TLS, that it has none to show.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def answer() -> None:
            connection, _ = server.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=answer)
        thread.start()
        assert speaks_tls(server.getsockname())
        thread.join()


@pytest.mark.parametrize(
    "connect",
    [
        lambda broker: MqttClient(broker, "gate", Version(5)),
        lambda broker: MqttClient(broker, "gate", Version(4)),
        lambda broker: KafkaClient(broker, "gate", "shutterbus.gate.frames"),
    ],
    ids=["mqtt", "mqtt-3.1.1", "kafka"],
)
def test_server_that_wants_a_certificate_is_answered_with_how_to_get_one(
    tmp_path: Path, connect: Callable[[BrokerSettings], SendingClient]
) -> None:
    ours = Authority(tmp_path)
    with listening_by_tls(ours.issue("server", "127.0.0.1"), wants=ours) as port:
        broker = BrokerSettings(brokers=(("127.0.0.1", port),))
        with pytest.raises(
            TransportMisconfiguredError, match=r"expects an encrypted connection.*make enroll CAMERA="
        ):
            connect(broker)


@pytest.mark.parametrize(
    "connect",
    [
        lambda broker: MqttClient(broker, "gate", Version(5)),
        lambda broker: KafkaClient(broker, "gate", "shutterbus.gate.frames"),
    ],
    ids=["mqtt", "kafka"],
)
@pytest.mark.timeout(20)
@pytest.mark.usefixtures("sockets_left_to_the_collector")
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
def test_broker_that_takes_connections_and_is_mute_is_given_up(
    tmp_path: Path,
    listening: int,
    connect: Callable[[BrokerSettings], SendingClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that is frozen is: its kernel accepts, and no word of TLS ever comes. A lane must not wait for it."""
    monkeypatch.setattr(kafka_net, "HANDSHAKE_S", 0.2)
    broker = BrokerSettings(
        brokers=(("127.0.0.1", listening),),
        tls=Tls(ca_certs=Authority(tmp_path).file),
        connection_timeout_s=0.2,
    )
    with pytest.raises(BrokerUnavailableError):
        connect(broker)


def test_tls_cause_is_found_below_the_error_that_hides_it() -> None:
    inner = ssl.SSLCertVerificationError("certificate verify failed")
    inner.verify_message = "certificate has expired"
    outer = ConnectionError("Handshake failed")
    outer.__context__ = inner

    assert "certificate has expired" in str(tls_refusal(outer))
    assert tls_refusal(ConnectionResetError()) is None


def _let_speak(target_level: int) -> None:
    target = logging.getLogger("test.target")
    target.setLevel(target_level)
    quiet("test.library", target, ours="closed by us")
    library = logging.getLogger("test.library.deep")
    for attempt in range(100):
        library.error("no connection to %s", attempt)
        library.debug("value=%r", b"picture")
    library.error("connection lost: %s", "closed by us")
    library.critical("another thing")


def test_library_says_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What it would tell in tracebacks is said in sentences of ours."""
    _let_speak(logging.INFO)
    assert caplog.messages == []


def test_log_level_debug_has_the_library_speak_seldom_and_never_below_info(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Below INFO it logs every picture; while a broker is away it says the same ten times a second."""
    _let_speak(logging.DEBUG)
    assert caplog.messages == ["no connection to 0", "another thing"]
    caplog.clear()
    _let_speak(logging.INFO)
    assert caplog.messages == []
