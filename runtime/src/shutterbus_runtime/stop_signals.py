"""How a process stops: SIGTERM by Docker and systemd, SIGINT by Ctrl-C."""

import signal
from collections.abc import Callable


def at_stop_signal(stop: Callable[[], None], *further: signal.Signals) -> None:
    """Have *stop* called in the main thread at SIGTERM, SIGINT or one of *further*, in place of what each does by itself."""
    for number in (signal.SIGTERM, signal.SIGINT, *further):
        signal.signal(number, lambda *_: stop())
