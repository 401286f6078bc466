"""How a process stops: SIGTERM by Docker and systemd, SIGINT by Ctrl-C."""

import signal
import socket
import threading
from collections.abc import Callable


def at_stop_signal(stop: Callable[[], None], *further: signal.Signals) -> None:
    """Have *stop* called at SIGTERM, SIGINT or one of *further*, in place of what each does by itself.

    Call it once, in the main thread. *stop* runs in a thread of its own and may take locks. Python runs a handler in the main
    thread alone: there it would be late for as long as that thread waits, if the signal came to another thread or just before
    the wait began, and it would hang over a lock that it had interrupted the main thread with.
    """
    receiving, sending = socket.socketpair()
    sending.setblocking(False)
    signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
    numbers = {signal.SIGTERM, signal.SIGINT, *further}

    def wait() -> None:
        with receiving, sending:
            while received := receiving.recv(1):
                if received[0] in numbers:
                    stop()

    threading.Thread(target=wait, name="stop-signals", daemon=True).start()
    for number in numbers:
        signal.signal(number, lambda *_: None)
