"""Faults at random, for a moment: with workers as they are, and as a control without a safeguard.

Both are given the same faults, so that what differs is the safeguard alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.day.chaos import Chaos, ground
from tests.faults.day.chaos_in_workers import freeze_worker, join_and_leave, kill_worker
from tests.faults.day.table import Outcome, row, took_effect

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage

_SECONDS: Final = 75.0
_SEED: Final = 6
_KINDS: Final = (freeze_worker, kill_worker, join_and_leave)


@row(
    "faults at random",
    promise="every event is counted as after a single fault",
    how=f"`make chaos` for {_SECONDS:g} s: workers are frozen, are killed, come and go, in an "
    "order and for times that a seed gives",
    runs=1,
    own_broker=True,
)
def at_random(stage: Stage) -> Outcome:
    """Break workers as they are."""
    return _chaos(stage)


@row(
    "control: faults at random, no compare-and-set",
    promise="it must lose events that others wrote",
    how="the faults of above, and a script that writes without comparing",
    runs=1,
    own_broker=True,
    control="lost",
)
def at_random_without_compare(stage: Stage) -> Outcome:
    """Break workers of which one may write over what the other wrote."""
    return _chaos(stage, "no_compare")


def _chaos(stage: Stage, *flaws: str) -> Outcome:
    with ground(stage, _SEED, ["slow_write=0.3", *flaws]) as broken:
        chaos = Chaos(broken, _KINDS)
        chaos.go_on_for(_SECONDS)
        counts = stage.count()
    told = f"{len(chaos.played)} faults, of which {len(chaos.without_effect)} took no effect"
    return Outcome(counts, took_effect(told, happened=not chaos.without_effect))
