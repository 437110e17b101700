"""Nothing is broken: many random events through the real stack, against the oracle's replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.day.table import Outcome, row, took_effect
from tests.integration.world import LIMIT, traffic

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage

_EACH: Final = 125  # events of a user: more than a history holds


@row(
    "nothing is broken, 50,000 events",
    promise="every history and every list is the oracle's",
    how="random events of all kinds, twice, late, of unknown videos; 2 workers on 4 partitions",
    runs=1,
)
def many_events(stage: Stage) -> Outcome:
    """Compare everybody's history and list."""
    return replay_everything(stage, 50_000)


@row(
    "nothing is broken, 2,000 events",
    promise="every history and every list is the oracle's",
    how="as above, fewer",
    runs=1,
    quick=True,
)
def some_events(stage: Stage) -> Outcome:
    """Compare everybody's history and list, in a moment."""
    return replay_everything(stage, 2_000)


def replay_everything(stage: Stage, number: int) -> Outcome:
    """Send random events as fast as the broker takes them, and count."""
    stage.start_workers(2)
    users = [f"random{user}" for user in range(number // _EACH)]
    for event in traffic(users, number, seed=number):
        stage.ledger.send(event)
    counts = stage.count(60)
    full = sum(len(stored.history) == LIMIT for stored in stage.stores.users.read_many(users))
    told = f"{len(users)} users, of whom {full} have a full history"
    return Outcome(counts, took_effect(told, happened=full > 0))
