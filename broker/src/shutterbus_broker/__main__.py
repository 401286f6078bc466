"""Sets up the brokers, and runs the demo."""

import argparse
import os
import sys
from collections.abc import Sequence

from shutterbus_broker.errors import SetupError
from shutterbus_broker.server_commands import add_server_commands
from shutterbus_runtime.command_line import Commands, say
from shutterbus_wire import __version__
from shutterbus_wire.errors import WireError
from shutterbus_wire.identity import check_camera


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; what stands in its way is said in a sentence, with exit code 1."""
    commands = Commands("shutterbus-broker", __doc__ or "", __version__)
    commands.add("demo", _demo, "a broker, three cameras, the archive and the viewer on this machine")
    topics = commands.add("topics", _topics, "create the Kafka topics of cameras, or correct them")
    topics.add_argument("cameras", nargs="+", metavar="CAMERA")
    topics.add_argument(
        "--replicas",
        type=int,
        default=-1,
        metavar="NUMBER",
        help="on how many brokers each new topic is kept; by default what the cluster has set",
    )
    topics.add_argument(
        "--brokers",
        dest="SS_BROKERS",
        metavar="HOST:PORT",
        help="the Kafka broker, several with commas; by default SS_BROKERS, as an edge has it",
    )
    topics.add_argument("--username", dest="SS_USERNAME", metavar="NAME", help="the password is SS_PASSWORD")
    topics.add_argument(
        "--mechanism",
        dest="SS_SASL_MECHANISM",
        metavar="NAME",
        help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    )
    topics.add_argument(
        "--ca",
        dest="SS_TLS__CA_CERTS",
        metavar="FILE",
        help="CA certificates (PEM) used to verify the broker; means TLS",
    )
    topics.add_argument("--cert", dest="SS_TLS__CERTFILE", metavar="FILE", help="our certificate (PEM)")
    topics.add_argument("--key", dest="SS_TLS__KEYFILE", metavar="FILE", help="its private key (PEM)")
    add_server_commands(commands)
    return commands.run(arguments, SetupError, before_errors="shutterbus-broker: ")


def _demo(_: argparse.Namespace) -> int:
    from shutterbus_broker import demo

    return demo.run(os.environ, say)


def _topics(chosen: argparse.Namespace) -> int:
    from shutterbus_broker import cluster
    from shutterbus_broker.kafka_admin import kafka_admin
    from shutterbus_broker.topics import ensure_topics, names_of

    options = {name: value for name, value in vars(chosen).items() if name.startswith(cluster.PREFIX)}
    try:
        cameras = [check_camera(name) for name in chosen.cameras]
    except WireError as error:
        raise SetupError(str(error)) from error
    with kafka_admin(cluster.load(options, os.environ)) as admin:
        for sentence in ensure_topics(admin, cameras, replicas=chosen.replicas):
            say(sentence)
        for sentence in cluster.replication(admin, names_of(cameras)):
            say(sentence)
    return 0


if __name__ == "__main__":
    sys.exit(main())
