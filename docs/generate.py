"""Print ``.env.example`` and ``docs/settings.md`` from the settings classes; ``--check`` says whether they are current."""
# ruff: noqa: INP001 (a script)

import importlib
import importlib.util
import sys
from pathlib import Path

from pydantic import BaseModel

from shutterbus_edge.schedule import grammar as schedule_grammar
from shutterbus_runtime.settings.text import example_env, reference

ROOT = Path(__file__).resolve().parent.parent
CLASSES = {
    "The edge": ("shutterbus_edge.settings.edge", "EdgeSettings"),
    "The viewer": ("shutterbus_viewer.settings", "ViewerSettings"),
    "The archive": ("shutterbus_archive.settings", "ArchiveSettings"),
    "The brokers": ("shutterbus_broker.settings", "BrokerProcessSettings"),
}

ENV_HEAD = """\
# Settings, as an example of a .env. Printed by docs/generate.py; docs/settings.md says more.
#
# Copy it to .env beside the compose files or into the working directory, and change what you need: a line that
# begins with "# NAME=" shows the default, or an example where there is none.
# A file /run/secrets/<NAME> counts before the environment, and the environment before this file.
# Put a value with a $, a quote or a # in it, such as a password, in single quotes: NAME='p$w'
"""

ENV_COMPOSE = """\
# ===== Docker Compose, for compose.edge.yml alone =====

# What the image is made from: debian on a machine that is no Raspberry Pi.
# EDGE_TARGET=raspberrypi

# An image that was made elsewhere and loaded here, instead of one that is built.
# EDGE_IMAGE=

# How much memory the container may use.
# EDGE_MEMORY=256m

# For links that pass only small packets, such as some mobile ones: 1200.
# EDGE_MTU=1500

# The server's name where no name server knows it, and its address.
# SERVER_NAME=
# SERVER_ADDRESS=
"""

PAGE_HEAD = """\
# Settings

Printed by `docs/generate.py` from the settings classes; `make lint` fails when it is not current.

A setting is looked for in `/run/secrets/<NAME>`, then in the environment, then in `.env` in the working directory;
the first that has it counts. Names may be spelt in any case. A name that begins like one of ours and is none stops
the start and suggests the right one, exit code 1; an unknown `PICAMERA_` name is only warned of.
`shutterbus-edge check` says what is wrong, `shutterbus-edge settings` what is in force and where it came from.

`.env` is read as Docker Compose reads it, also where there is no Docker: ` # ` begins a comment, and quotes around a
value are not part of it. Outside single quotes `$name` is a variable, empty where none is called so: put a password or
a hash with a `$` in it in single quotes, `SS_PASSWORD='p$w'`. A file in `/run/secrets` is taken as it is.

Sizes take units (`500MB`, `2GiB`; a lone `M` is MiB), as do rates (`500kB/s`, `16Mbit/s`) and durations
(`90`, `1.5`, `5m`, `1h30m`, `7d`). Where the path of a certificate or key is wanted, the PEM itself may be the
secret: `/run/secrets/SS_TLS__KEYFILE`. A setting given under several of its names takes the first of them in the
order stronger, own, weaker; the others are warned of where they say something else.
"""


def env_example() -> str:
    """Return ``.env.example``."""
    parts = [ENV_HEAD]
    for title, cls in _classes():
        parts += [f"# ===== {title} =====\n", example_env(cls)]
        if title == "The edge":
            parts.append(ENV_COMPOSE)
    return "\n".join(parts).rstrip("\n") + "\n"


def settings_page() -> str:
    """Return ``docs/settings.md``."""
    parts = [PAGE_HEAD]
    for title, cls in _classes():
        parts += [f"## {title}\n", reference(cls)]
    parts += ["## What SCHEDULE may say\n", _schedule_table()]
    return "\n".join(parts).rstrip("\n") + "\n"


def _schedule_table() -> str:
    """Return the table in the grammar's docstring as Markdown, and what is said below it."""
    head, table, tail = (schedule_grammar.__doc__ or "").split("=\n\n")[0], [], ""
    for line in head.splitlines()[2:]:
        if line.startswith("``"):
            words, _, meaning = line.partition("   ") if "   " in line else line.rpartition("  ")
            table.append(f"| {words.strip().replace('``', '`')} | {meaning.strip().replace('``', '`')} |")
    tail = (schedule_grammar.__doc__ or "").rpartition("=\n\n")[2]
    return "\n".join(["| Text | Meaning |", "|---|---|", *table, "", tail.strip()])


def _classes() -> list[tuple[str, type[BaseModel]]]:
    classes = []
    for title, (module, name) in CLASSES.items():
        if importlib.util.find_spec(module) is not None:
            cls = getattr(importlib.import_module(module), name, None)
            if cls is not None:
                classes.append((title, cls))
    return classes


def main() -> int:
    """Write both files; with ``--check``, say which is not current and return 1."""
    stale = 0
    for path, text in ((ROOT / ".env.example", env_example()), (ROOT / "docs/settings.md", settings_page())):
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv[1:]:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not current: make generate\n")
            stale = 1
        else:
            path.write_text(text, "utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
