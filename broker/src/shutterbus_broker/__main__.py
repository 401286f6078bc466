"""Sets up the brokers, and runs the demo."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from shutterbus_broker.errors import SetupError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; what stands in its way is said in a sentence, with exit code 1."""
    parser = argparse.ArgumentParser(prog="shutterbus-broker", description=__doc__)
    parser.add_argument("--version", action="version", version=version("shutterbus-broker"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("demo", help="a broker, three cameras and the viewer on this machine")
    chosen = parser.parse_args(arguments)
    try:
        match chosen.command:
            case "demo":
                from shutterbus_broker import demo

                return demo.run(os.environ, say)
            case _:
                raise AssertionError(chosen.command)
    except SetupError as error:
        print(f"shutterbus-broker: {error}", file=sys.stderr)
        return 1


def say(sentence: str) -> None:
    """Tell the person at the terminal, at once also where it is a pipe."""
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
