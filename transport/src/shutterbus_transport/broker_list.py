"""The brokers that the settings list, and which of them accept connections."""

import logging
import queue
import threading
from collections.abc import Sequence

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.probe import PROBE_TIMEOUT_S, Address, Probe, probe, why, why_each


class BrokerList:
    """Looks at all brokers at once, so that none has to be waited for while another answers.

    One that accepts no connection while others do holds nothing up: the log names it once, and says when it is back. It costs
    a broker nothing to be looked at, and tells one that is away from a line that is slow: the connection is accepted in one
    round trip even where a frame takes half a minute. Any thread may call it.
    """

    def __init__(self, addresses: Sequence[Address], clock: Clock, log: logging.Logger) -> None:
        self._addresses = tuple(addresses)
        self._lock = threading.Lock()
        self._last: dict[Address, Probe] = {}
        count = len(self._addresses)
        self._outages = {
            address: Outage(f"broker {address[0]}:{address[1]}, one of {count}", clock, log)
            for address in self._addresses
        }

    def reach(self, timeout_s: float = PROBE_TIMEOUT_S) -> None:
        """Return when one of them accepts a connection; raise an OSError if none does."""
        answers = self.look(timeout_s)
        failures: list[OSError] = []
        for _ in self._addresses:
            tried = answers.get()
            if tried.error is None:
                return
            failures.append(tried.error)
        # Of different failures silence counts: a line may be so full that a probe drowns.
        raise next((error for error in failures if isinstance(error, TimeoutError)), failures[-1])

    def look(self, timeout_s: float = PROBE_TIMEOUT_S) -> "queue.SimpleQueue[Probe]":
        """Begin to look at all of them; return a queue of the answers, one for each broker as it comes."""
        answers: queue.SimpleQueue[Probe] = queue.SimpleQueue()
        for address in self._addresses:
            threading.Thread(target=self._look, args=(address, timeout_s, answers), daemon=True).start()
        return answers

    def why(self, error: OSError) -> str:
        """Return why none of them accepts a connection, each with its own cause; *error* is what ``reach`` raised."""
        with self._lock:
            failures = {address: tried.error for address, tried in self._last.items() if tried.error}
        return why_each(failures or dict.fromkeys(self._addresses, error))

    def _look(self, address: Address, timeout_s: float, answers: "queue.SimpleQueue[Probe]") -> None:
        tried = probe(address, timeout_s=timeout_s)
        with self._lock:
            self._last[address] = tried
            last = dict(self._last)
        self._tell(last)
        answers.put(tried)

    def _tell(self, last: dict[Address, Probe]) -> None:
        """Log which brokers are away while others are there; where none is, whoever connects says so."""
        if not any(tried.error is None for tried in last.values()):
            return
        for address, tried in last.items():
            if tried.error is None:
                self._outages[address].succeeded()
            else:
                self._outages[address].failed(why([address], tried.error))
