"""Controls: workers without one of the safeguards, at which the checker must complain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.faults.day.breaking import under_load
from tests.faults.day.flaws import POISON
from tests.faults.day.table import Outcome, row, took_effect
from tests.faults.day.worker_rows import freeze_and_wake, kill_amid_a_batch, send_poison

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage


@row(
    "control: an agent as in Faust's examples",
    promise="it must lose events",
    how="`async for`, acknowledged by Faust; raises at 4 of the events",
    runs=1,
    control="lost",
)
def naive_agent(stage: Stage) -> Outcome:
    """Let Faust acknowledge what an agent raised on."""
    stage.start_workers(1, flaws=["naive"])
    with under_load(stage):
        send_poison(stage, 4)
    raised = stage.crew.log().count(f"FlawError: {POISON}")
    return Outcome(stage.count(), took_effect(f"it raised {raised} times", happened=raised > 0))


@row(
    "control: no compare-and-set",
    promise="it must lose events that others wrote",
    how="the zombie of above, and a script that writes without comparing",
    runs=1,
    control="lost",
)
def no_compare_and_set(stage: Stage) -> Outcome:
    """Let a zombie write what it computed."""
    return freeze_and_wake(stage, ["no_compare"])


@row(
    "control: a merge that adds up",
    promise="it must count a replay twice",
    how="the kill of above, and a merge that sums watch ratios",
    runs=1,
    control="doubled",
)
def merge_adds_up(stage: Stage) -> Outcome:
    """Let a replay count."""
    return kill_amid_a_batch(stage, flaws=["adds_up"])


@row(
    "control: lists that are a video behind",
    promise="its lists must differ from the oracle's, though every history is right",
    how="nothing is broken, but each list is made without the newest video of its history",
    runs=1,
    control="differing",
)
def lists_behind(stage: Stage) -> Outcome:
    """Make lists of older histories."""
    stage.start_workers(1, flaws=["stale_lists"])
    with stage.load(2):
        time.sleep(2)
    counts = stage.count()
    told = f"{counts.lost} events are not in the histories"
    return Outcome(counts, took_effect(told, happened=counts.lost == 0))
