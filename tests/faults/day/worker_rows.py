"""Rows in which a worker is broken."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tests.faults.day.table import Outcome, row, took_effect

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage


@row(
    "a worker is killed",
    promise="its work comes again, and has its effect once",
    how="SIGKILL in the middle of a batch, 2 workers on 4 partitions, started again at once",
    quick=True,
)
def worker_killed(stage: Stage) -> Outcome:
    """Kill one of two workers amid a batch."""
    victim, _ = stage.start_workers(2, flaws=["slow=0.05"])
    with stage.load(seconds=4):
        time.sleep(1)
        victim.wait_until_in_a_batch()
        victim.signal(signal.SIGKILL)
        stage.mark()
        time.sleep(2.5)
    counts = stage.count()
    again = counts.redelivered
    return Outcome(counts, took_effect(f"{again} events delivered again", happened=again > 0))
