"""One dead broker of several holds nothing up, and is named."""

import contextlib
import logging
import socket
import time
from collections.abc import Iterator

import pytest
from kafka.errors import KafkaConnectionError

from fakes import FakeClock
from shutterbus_transport.broker_list import BrokerList
from shutterbus_transport.errors import BrokerUnavailableError
from shutterbus_transport.kafka import admin, library
from shutterbus_transport.probe import Address
from shutterbus_transport.settings import BrokerSettings
from stack.brokers import free_port

log = logging.getLogger("test.brokers")


@contextlib.contextmanager
def listening() -> Iterator[Address]:
    """A broker as far as its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def dead() -> Address:
    return "127.0.0.1", free_port()


@contextlib.contextmanager
def dark() -> Iterator[Address]:
    """A machine whose power is off: nothing answers, not even a refusal. Its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as stack:
        for _ in range(2):
            queued = stack.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(server.getsockname())
        yield server.getsockname()


@pytest.mark.parametrize("place", [0, 2])
def test_dead_broker_of_three_is_named_once_and_when_it_is_back(
    place: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with listening() as first, listening() as second:
        addresses = [first, second]
        addresses.insert(place, dead())
        host, port = addresses[place]
        brokers = BrokerList(addresses, FakeClock(), log)
        for _ in range(3):
            brokers.reach()
            answers = brokers.look()
            assert sum(answers.get().error is None for _ in addresses) == 2
        named = f"broker {host}:{port}, one of 3: {host}:{port} refuses the connection"
        assert caplog.messages == [named]

        with socket.create_server((host, port)):
            answers = brokers.look()
            assert all(answers.get().error is None for _ in addresses)
        assert caplog.messages == [named, f"broker {host}:{port}, one of 3: back after 0 s"]


def test_broker_without_power_is_not_waited_for_while_another_answers() -> None:
    with dark() as off, listening() as on:
        begun_s = time.monotonic()
        BrokerList([off, on], FakeClock(), log).reach(timeout_s=10)
        assert time.monotonic() - begun_s < 5


def test_where_none_is_there_each_is_named_with_its_own_cause(caplog: pytest.LogCaptureFixture) -> None:
    with dark() as off:
        first, second = dead(), dead()
        brokers = BrokerList([first, off, second], FakeClock(), log)
        with pytest.raises(TimeoutError) as raised:
            brokers.reach(timeout_s=0.3)
    said = brokers.why(raised.value)
    refused = " and ".join(sorted(f"{host}:{port}" for host, port in (first, second)))
    assert f"127.0.0.1:{off[1]} does not answer" in said
    assert f"{refused} refuse the connection" in said
    assert caplog.messages == []  # whoever connects says it


@pytest.mark.usefixtures("sockets_left_to_the_collector")
def test_client_asks_each_broker_once_and_gives_up_when_all_have_failed() -> None:
    brokers = [dead() for _ in range(3)]
    settings = BrokerSettings(brokers=tuple(brokers))
    begun_s = time.monotonic()
    with pytest.raises(BrokerUnavailableError) as raised, admin.connect(settings, 10):
        pass
    assert time.monotonic() - begun_s < 5
    assert all(f"127.0.0.1:{port} gives no connection" in str(raised.value) for _, port in brokers)


def test_whatever_the_library_makes_of_a_refused_password_is_an_error_of_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its SCRAM raises a KeyError over a refusal, which would end a reader. The other brokers are not asked."""
    net = library.Selector()
    manager = library.Manager(net, bootstrap_servers=["127.0.0.1:1", "127.0.0.1:2"])
    asked = []

    async def ask(node_id: str, _deadline: float | None) -> None:
        asked.append(node_id)
        manager.failures["127.0.0.1:1"] = KeyError("i")
        raise KafkaConnectionError("closed")

    monkeypatch.setattr(manager, "_ask", ask)
    with pytest.raises(KafkaConnectionError, match="KeyError"):
        manager.bootstrap(10_000)
    assert len(asked) == 1
    assert isinstance(manager.failure, KeyError)
    manager.close()
    net.close()


@pytest.mark.usefixtures("sockets_left_to_the_collector")
def test_mute_broker_of_the_list_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen one: its kernel accepts, and no answer ever comes. The next is asked meanwhile."""
    monkeypatch.setattr(library, "SLOW_S", 0.1)
    with listening() as mute, listening() as other:
        asked = []
        net = library.Selector()
        manager = library.Manager(net, bootstrap_servers=[f"127.0.0.1:{port}" for _, port in (mute, other)])

        async def ask(node_id: str, _deadline: float | None) -> None:
            asked.append(node_id)
            if len(asked) == 1:
                await net.sleep(60)

        monkeypatch.setattr(manager, "_ask", ask)
        manager.bootstrap(10_000)
        assert len(set(asked)) == 2
        manager.close()
        net.close()
