"""A viewer's process, as far as the archive's catalog goes: answers each line of its standard input with what is kept."""

import json
import sys
from dataclasses import astuple
from pathlib import Path

from shutterbus_viewer.archive.catalog import CatalogReader
from shutterbus_viewer.errors import ArchiveUnreadableError

if __name__ == "__main__":
    reader = CatalogReader(Path(sys.argv[1]))
    print("ready", flush=True)
    for _ in sys.stdin:
        try:
            answer: object = [astuple(row) for row in reader.cameras()]
        except ArchiveUnreadableError as error:
            answer = str(error)
        print(json.dumps(answer), flush=True)
