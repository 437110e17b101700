"""From a night to lists in Redis, with the worker killed on the way, judged by the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.user_history import UserHistory
from data.user_store import Answer, UserWrite
from tests.integration.world import (
    NOW_MS,
    PATIENCE_S,
    Stores,
    World,
    activate,
    differences,
    expect,
    give_everybody_a_list,
    progress,
    send,
    stale,
    traffic,
    wait_until_follows,
    wait_until_reflected,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from data.model_store import Active
    from data.up_next import UpNext
    from deploy.embedded.stack import EmbeddedStack
    from tests.integration.world import Expected, Plain

HALF = 1_500


@pytest.mark.slow
def test_killed_worker_loses_nothing(stack: EmbeddedStack, stores: Stores, world: World) -> None:
    """A worker killed twice amid 3,000 events ends with the oracle's histories and lists."""
    active = activate(stores, world.model)
    give_everybody_a_list(stores, world, world.model, active)
    wait_until_follows(stores, stack, active.activation)
    night = sorted({event["user"] for event in world.events})
    users = night + [f"new{number}" for number in range(30)]
    parts = [traffic(users, HALF, seed, NOW_MS + seed * 10_000_000) for seed in range(1, 3)]
    redelivered = 0
    for number, part in enumerate(parts, start=1):
        expected = expect(world.events, *parts[:number])
        redelivered += kill_amid(stack, stores, part, expected)
        wait_until_reflected(stores, expected, stack)
    assert redelivered > 0
    assert differences(stores, expected, world.model, active) == []
    check_the_checker(stores, world, active, parts)


def kill_amid(stack: EmbeddedStack, stores: Stores, part: list[Plain], expected: Expected) -> int:
    """Kill the worker while it works on some events and start it again.

    Gives how many events at least were in Redis, but not yet acknowledged: they come twice.
    """
    start = min(event["at"] for event in part)
    users = sorted({event["user"] for event in part})

    def begun() -> bool:
        lists = stores.users.read_lists(users)
        return any(shown is not None and shown.at >= start for shown in lists)

    send(stack, part)
    wait_until(begun, PATIENCE_S, poll=0)
    assert stack.worker is not None
    stack.worker.kill()
    stack.worker.wait(PATIENCE_S)
    left = stale(stores, expected)
    assert left, "the kill came too late: nothing was in flight"
    touched = sum(
        int((stored.history.states["latest"] >= start).sum())
        for stored in stores.users.read_many(users)
    )  # videos, of which each took at least one event
    acknowledged = max(0, len(part) - progress(stack).left)
    stack.start_worker()
    return max(0, touched - acknowledged)


def check_the_checker(
    stores: Stores, world: World, active: Active, parts: list[list[Plain]]
) -> None:
    """Make sure that one event too many or too few would have been seen; the control."""
    events = [event for part in parts for event in part]
    lost = next(e for e in reversed(events) if events.count(e) == 1 and e["kind"] == "watch")
    one_less = expect(world.events, [event for event in events if event is not lost])
    complaints = differences(stores, one_less, world.model, active)
    assert complaints
    assert all(repr(lost["user"]) in complaint for complaint in complaints)
    user = lost["user"]
    (stored,), (shown,) = stores.users.read_many([user]), stores.users.read_lists([user])
    known = stored.history
    assert shown is not None
    dropped = UserHistory(known.videos[:-1], known.states[:-1], known.mark)
    assert write(stores, stored.tag, dropped, shown)
    complaints = differences(stores, expect(world.events, *parts), world.model, active)
    assert f"user {user!r} has another history" in complaints
    (now,) = stores.users.read_many([user])
    assert write(stores, now.tag, known, shown)
    assert differences(stores, expect(world.events, *parts), world.model, active) == []


def write(stores: Stores, tag: bytes, history: UserHistory, shown: UpNext) -> bool:
    """Put a state into Redis past the worker."""
    answers = stores.users.compare_and_set_many([UserWrite(tag, history, shown)])
    return answers == [Answer.WRITTEN]
