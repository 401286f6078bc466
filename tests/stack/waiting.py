"""Waiting for something to become so."""

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], bool], within_s: float, otherwise: Callable[[], str], every_s: float = 0.05
) -> None:
    """Return when *condition* holds; fail with *otherwise* if it does not in time.

    What asks Docker is asked less often: an answer costs a tenth of a second of processor time, which others need.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(every_s)
