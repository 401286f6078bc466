"""The doctor's own look at names, ports and certificates: each fault is named as what it is."""

import datetime as dt
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from edge.fakes_tls import DAY, NOW, Authority, listening
from fakes import FakeClock
from shutterbus_edge.doctor import reach
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_runtime.checks import CheckResult
from shutterbus_transport.settings import BrokerSettings
from shutterbus_transport.tls import Tls
from stack.brokers import free_port


def context(port: int, host: str = "127.0.0.1", at: dt.datetime = NOW, **tls: Any) -> CheckContext:
    broker = BrokerSettings(brokers=((host, port),), tls=Tls(**tls) if tls else None)
    clock = FakeClock(utc_offset_us=int((at.timestamp() - FakeClock.monotonic_now_s) * 1e6))
    return CheckContext(EdgeSettings(camera_source="testcard", broker=broker), "gate", clock)


def test_good_certificates_are_good_until_their_day(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    own = ours.issue("gate.1")
    with listening(ours.issue("server", "127.0.0.1", end=NOW + 200 * DAY), wants=ours) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file, certfile=own.certificate, keyfile=own.key))

    assert result.status == "ok", result
    assert f"{NOW + 200 * DAY:%Y-%m-%d}" in result.sentence
    assert f"{NOW + 300 * DAY:%Y-%m-%d}" in result.sentence


def test_certificate_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    with listening(ours.issue("server", "127.0.0.1", end=NOW + 10 * DAY)) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file))

    assert (result.status, result.fix) == ("warning", "on the server: make renew")


def test_expired_certificate_of_the_server(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    with listening(ours.issue("server", "127.0.0.1", end=NOW - 3 * DAY)) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file))

    assert result.status == "failure"
    assert f"expired on {NOW - 3 * DAY:%Y-%m-%d}" in result.sentence
    assert result.fix == "on the server: make renew"


def test_certificate_of_tomorrow_means_a_wrong_clock(tmp_path: Path) -> None:
    """A Pi without a network begins where it was switched off."""
    ours = Authority(tmp_path)
    with listening(ours.issue("server", "127.0.0.1", begin=NOW + 2 * DAY)) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file))

    assert f"valid from {NOW + 2 * DAY:%Y-%m-%d} on, and this clock says {NOW:%Y-%m-%d}" in result.sentence
    assert result.fix == "timedatectl set-ntp true"


def test_certificate_of_somebody_else(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    with listening(other.issue("server", "127.0.0.1")) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file))

    assert f"is not signed by {ours.file} but by other" in result.sentence
    assert result.fix == "on the server: make enroll CAMERA=gate"


def test_certificate_for_another_name(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    with listening(ours.issue("server", "server.test", "10.0.0.1")) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file))

    assert "is for server.test, 10.0.0.1, not for 127.0.0.1" in result.sentence
    assert result.fix == 'on the server: make init HOST="... 127.0.0.1"'


def test_cause_is_named_also_where_a_stranger_is_shown_nothing(tmp_path: Path) -> None:
    """Up to TLS 1.2, who comes without a certificate does not get to see the server's."""
    ours = Authority(tmp_path)
    own = ours.issue("gate.1")
    old = ours.issue("server", "127.0.0.1", end=NOW - 3 * DAY)
    with listening(old, wants=ours, newest=ssl.TLSVersion.TLSv1_2) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file, certfile=own.certificate, keyfile=own.key))

    assert result.status == "failure"
    assert "cannot be accepted: certificate has expired" in result.sentence


def test_server_that_wants_a_certificate_and_gets_none(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    with listening(ours.issue("server", "127.0.0.1"), wants=ours) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file))

    assert "wants a certificate of ours and got none" in result.sentence


def test_certificate_of_ours_that_the_server_does_not_know(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    own = other.issue("gate.1")
    with listening(ours.issue("server", "127.0.0.1"), wants=ours) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file, certfile=own.certificate, keyfile=own.key))

    assert f"does not accept our certificate {own.certificate}" in result.sentence


def test_expired_certificate_of_ours(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    own = ours.issue("gate.1", end=NOW - DAY)
    with listening(ours.issue("server", "127.0.0.1"), wants=ours) as port:
        result = reach.encrypt(context(port, ca_certs=ours.file, certfile=own.certificate, keyfile=own.key))

    assert f"our certificate {own.certificate} expired" in result.sentence


def test_tls_where_none_is_set_and_none_where_it_is(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    with listening(ours.issue("server", "127.0.0.1")) as port:
        unset = reach.encrypt(context(port))
    with listening(None) as port:
        set_in_vain = reach.encrypt(context(port, ca_certs=ours.file))
        plain = reach.encrypt(context(port))

    assert unset.status == "failure"
    assert "speaks TLS only" in unset.sentence
    assert "does not speak TLS" in set_in_vain.sentence
    assert plain.status == "warning"


def test_name_that_nobody_knows() -> None:
    result = reach.look_up(context(9093, "server.invalid"))

    assert result.sentence.startswith("no address is known for server.invalid")
    assert result.fix is not None
    assert result.fix.startswith("in .env: another SS_BROKERS, where that is misspelt; else")
    assert result.fix.endswith("SERVER_NAME=server.invalid and SERVER_ADDRESS=<its address>")


def test_port_where_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    result = reach.connect(context(port))

    assert result.status == "failure"
    assert "refuses the connection" in result.sentence


@pytest.mark.parametrize(("host", "why"), [("nosuch.invalid", "no address"), ("127.0.0.1", "refuses")])
def test_address_that_the_broker_gives_itself_is_tried(host: str, why: str) -> None:
    """Everything after the first packet goes there."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    result: CheckResult = reach.advertised([(host, port)], context(port))

    assert result.status == "failure"
    assert f"the broker says that it is at {host}:{port}" in result.sentence
    assert why in result.sentence


def of_cluster(*ports: int) -> CheckContext:
    broker = BrokerSettings(brokers=tuple(("127.0.0.1", port) for port in ports))
    return CheckContext(EdgeSettings(camera_source="testcard", broker=broker), "gate", FakeClock())


def test_dead_broker_of_three_is_a_warning_that_names_it_and_the_others_are_looked_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        living = [server.getsockname()[1] for server in (first, second)]
        dead = free_port()
        cluster = of_cluster(dead, *living)
        assert reach.look_up(cluster).status == "ok"
        result = reach.connect(cluster)
        encrypted = reach.encrypt(cluster)

    assert result.status == "warning"
    assert result.sentence == f"127.0.0.1:{dead} refuses the connection; 2 of 3 brokers can be used"
    assert result.fix == "start it, or leave it out of SS_BROKERS"
    assert cluster.living == tuple(("127.0.0.1", port) for port in living)
    assert str(dead) not in encrypted.sentence


def test_cluster_of_which_nothing_answers_is_a_failure_with_advice_for_whoever_runs_it() -> None:
    result = reach.connect(of_cluster(free_port(), free_port()))

    assert result.status == "failure"
    assert result.fix == "ask whoever runs the brokers: are they up, and their ports open?"


def test_broker_that_the_cluster_names_and_that_is_away_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address, dead = server.getsockname(), ("127.0.0.1", free_port())
        result = reach.advertised([address, dead], of_cluster(address[1], dead[1]))

    assert result.status == "warning"
    assert f"127.0.0.1:{dead[1]} (advertised.listeners)" in result.sentence
