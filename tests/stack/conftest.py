"""A server that several modules use, one after the other."""

import time
from collections.abc import Iterator

import pytest

from stack.servers import Server, server

UP_WITHIN_S = 60


@pytest.fixture(scope="session")
def whole_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """All services of both profiles, up for the first time."""
    with server(tmp_path_factory.mktemp("server")) as made:
        started_s = time.monotonic()
        made.up()
        assert time.monotonic() - started_s < UP_WITHIN_S
        yield made


@pytest.fixture(scope="module")
def shared_server(whole_server: Server) -> Server:
    """The same for each module that ``SHARING_A_SERVER`` names; its cameras have names that no other module uses."""
    whole_server.up()  # whatever the module before was about
    return whole_server
