"""How a process is, for those who ask on this machine: Docker's health check, Prometheus, a person with curl.

``/livez`` says only that the process turns: a broker that is away must not make Docker restart it.
``/readyz`` says whether it does its job now, and if not, why.
"""

import json
import threading
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from shutterbus_runtime.settings import SettingsError


class Condition(Protocol):
    """What a process says of itself, asked for by any thread."""

    def problems(self) -> Iterable[str]:
        """Return a sentence for everything that is wrong now; none while it does its job."""

    def metadata(self) -> dict[str, Any]:
        """Return what ``/status`` shows."""

    def metrics(self) -> str:
        """Return the same in Prometheus' text form."""


class HealthServer:
    """Serves a process's *condition*, on loopback unless told otherwise, until closed."""

    def __init__(
        self, port: int, condition: Condition, setting: str = "HEALTH_PORT", address: str = "127.0.0.1"
    ) -> None:
        """Listen on *address*:*port*, which *setting* names; 0 takes any free port. Raises SettingsError if it is taken."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                match self.path:
                    case "/livez":
                        self._answer(HTTPStatus.OK, "text/plain", "ok\n")
                    case "/readyz":
                        problems = list(condition.problems())
                        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
                        self._answer(
                            status, "text/plain", "".join(f"{line}\n" for line in problems) or "ok\n"
                        )
                    case "/status":
                        self._answer(
                            HTTPStatus.OK,
                            "application/json",
                            json.dumps(condition.metadata(), indent=1) + "\n",
                        )
                    case "/metrics":
                        self._answer(HTTPStatus.OK, "text/plain; version=0.0.4", condition.metrics())
                    case _:
                        self._answer(
                            HTTPStatus.NOT_FOUND, "text/plain", "try /livez /readyz /status /metrics\n"
                        )

            def _answer(self, status: HTTPStatus, content_type: str, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", f"{content_type}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002, http.server's name
                """Say nothing: a health check every ten seconds is not news."""

        try:
            self._server = ThreadingHTTPServer((address, port), Handler)
        except OSError as error:
            raise SettingsError(
                f"{setting}={port} cannot be used on {address}: {error.strerror}; choose another, or 0 for any that is free"
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
