"""What Docker asks every few seconds: whether the edge turns. Standard library only, so that asking costs little on a Pi."""

import os
import sys
from http.client import HTTPConnection, HTTPException

DEFAULT_PORT = 8081
TIMEOUT_S = 3.0


def healthy(port: int) -> str | None:
    """Return None if the edge on this machine answers on *port*, else a sentence about what is wrong."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"no edge answers on 127.0.0.1:{port}: {error}"
    finally:
        connection.close()
    return None if status == 200 else f"the edge on 127.0.0.1:{port} answers {status}"


def main() -> int:
    """Ask on HEALTH_PORT; return 0 for healthy, or 1 and say why not."""
    port = os.environ.get("HEALTH_PORT") or str(DEFAULT_PORT)
    problem = healthy(int(port)) if port.isdecimal() else f"HEALTH_PORT={port} is no port"
    if problem:
        print(problem, file=sys.stderr)  # noqa: T201 (Docker keeps what its check prints)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
