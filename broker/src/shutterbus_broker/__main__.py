"""Sets up the brokers, and runs the demo."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from shutterbus_broker.errors import SetupError
from shutterbus_broker.server_commands import add_server_commands
from shutterbus_runtime.command_line import Commands, say
from shutterbus_transport.settings import BrokerSettings, Tls
from shutterbus_wire import __version__
from shutterbus_wire.errors import WireError
from shutterbus_wire.identity import check_camera


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; what stands in its way is said in a sentence, with exit code 1."""
    commands = Commands("shutterbus-broker", __doc__ or "", __version__)
    commands.add("demo", _demo, "a broker, three cameras and the viewer on this machine")
    topics = commands.add("topics", _topics, "create the Kafka topics of cameras, or correct them")
    topics.add_argument("cameras", nargs="+", metavar="CAMERA")
    topics.add_argument(
        "--brokers", required=True, metavar="HOST:PORT", help="the Kafka broker, several with commas"
    )
    topics.add_argument(
        "--ca", type=Path, metavar="FILE", help="CA certificates (PEM) used to verify the broker; means TLS"
    )
    topics.add_argument("--cert", type=Path, metavar="FILE", help="our certificate (PEM)")
    topics.add_argument("--key", type=Path, metavar="FILE", help="its private key (PEM)")
    add_server_commands(commands)
    return commands.run(arguments, SetupError, before_errors="shutterbus-broker: ")


def _demo(_: argparse.Namespace) -> int:
    from shutterbus_broker import demo

    return demo.run(os.environ, say)


def _topics(chosen: argparse.Namespace) -> int:
    from shutterbus_broker.kafka_admin import kafka_admin
    from shutterbus_broker.topics import ensure_topics

    tls = (
        Tls(ca_certs=chosen.ca, certfile=chosen.cert, keyfile=chosen.key)
        if chosen.ca or chosen.cert
        else None
    )
    try:
        cameras = [check_camera(name) for name in chosen.cameras]
        settings = BrokerSettings.model_validate({"type": "kafka", "tls": tls, "brokers": chosen.brokers})
        with kafka_admin(settings) as admin:
            for sentence in ensure_topics(admin, cameras):
                say(sentence)
    except ValidationError as error:
        raise SetupError(
            "; ".join(f"--{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        ) from error
    except WireError as error:
        raise SetupError(str(error)) from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
