"""Waiting for conditions: what tests do instead of sleeping."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], timeout: float = 20.0, *, what: str = "", poll: float = 0.02
) -> T:
    """Call `condition` until it gives something true, and return that.

    Parameters
    ----------
    condition
        What is asked, every `poll` seconds.
    timeout
        Seconds until giving up.
    what
        What is waited for, for the message; by default the condition's own name.

    Raises
    ------
    TimeoutError
        If the condition never held.
    """
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__qualname__", repr(condition))
            raise TimeoutError(f"Waited {timeout} s in vain for: {name}")
        time.sleep(poll)
    return answer
