"""The demo's MQTT broker: in memory, anonymous, on a port of loopback that it chooses and prints.

A process of its own, because pictures of 8 MB keep its event loop busy. It holds nothing that outlives it, so
SIGTERM simply ends it.
"""

import asyncio
import logging
import sys

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType

_LISTENER = "default"


async def serve() -> None:
    """Accept connections until the process is ended."""
    # The broker writes a line for every packet below this level.
    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    broker = Broker(
        BrokerConfig(
            # Its own listeners cannot tell which port they got, so the socket is ours.
            listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
    )
    await broker.start()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  the one thing its parent waits for
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
