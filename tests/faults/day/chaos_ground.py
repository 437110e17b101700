"""What `make chaos` breaks, and the list of its faults."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.faults.day.stage import SESSION_S
from tests.faults.day.table import NoEffectError
from tests.waiting import wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.day.crew import Worker
    from tests.faults.day.fail_over import FailOver
    from tests.faults.day.ledger import Entry
    from tests.faults.day.proxy import Proxy
    from tests.faults.day.stage import Stage

    Fault = Callable[["Ground"], str]

STALL_S: Final = SESSION_S + 4
SOME: Final = 10  # events, a tenth of a second's
FAULTS: Final[list[Fault]] = []


def fault(play: Fault) -> Fault:
    """Enter a fault: it breaks one thing, which is whole again when it returns, and tells.

    What it tells is the proof that it took effect: without, it raises, as `took_effect` and
    `wait_until` do.
    """
    FAULTS.append(play)
    return play


def attempt(play: Fault, ground: Ground) -> tuple[str, bool]:
    """Break one thing; gives what it tells, and whether it took effect."""
    try:
        return play(ground), True
    except (NoEffectError, TimeoutError) as error:
        return f"NO EFFECT, {play.__name__}: {error}", False


class Ground(NamedTuple):
    """What can be broken.

    Attributes
    ----------
    stage
        With two workers, which have the flaws that wait for an order.
    pair
        Its Redis and a replica.
    far
        The way of the first worker to the broker.
    clock
        The first worker's, see `breaking.set_clock`.
    random
        Where lengths and victims come from.
    """

    stage: Stage
    pair: FailOver
    far: Proxy
    clock: Path
    random: random.Random

    def seconds(self, most: float, least: float = 0.5) -> float:
        """Draw how long a fault lasts."""
        return self.random.uniform(least, most)

    def worker(self) -> Worker:
        """Draw one of the two that stay."""
        return self.random.choice(self.stage.crew.workers[:2])

    def wait_for_events(self, seconds: float) -> list[Entry]:
        """Wait so long, and until some events have come; gives those that were sent meanwhile."""
        entries = self.stage.ledger.entries
        before, begun = len(entries), time.monotonic()
        time.sleep(seconds)
        wait_until(lambda: len(entries) >= before + SOME, what="events to come")
        # One that was sent just before may be acknowledged after, and be in Redis by then.
        return [entry for entry in entries[before:] if entry.sent_at >= begun]
