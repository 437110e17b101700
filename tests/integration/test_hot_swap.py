"""Models exchanged while events flow, rolled back, and damaged."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data.redis_keys import RedisKeys
from deploy.kafka import EventSender
from stream_inference.hot_swap import HotSwap
from tests.builders import interaction
from tests.integration.damaged import point_at_damaged
from tests.integration.world import (
    NOW_MS,
    PATIENCE_S,
    Stores,
    World,
    activate,
    beat_of,
    differences,
    expect,
    give_everybody_a_list,
    send,
    traffic,
    wait_until_follows,
    wait_until_reflected,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data.heartbeats import Heartbeat
    from data.model_store import Active
    from deploy.embedded.stack import EmbeddedStack
    from tests.integration.world import Plain

APART = RedisKeys("apart")


@contextmanager
def steady_traffic(stack: EmbeddedStack, events: list[Plain]) -> Iterator[list[Plain]]:
    """Send events at some 200 a second until the block ends; gives those that were sent."""
    sent: list[Plain] = []
    enough = threading.Event()

    def work() -> None:
        with EventSender(stack.kafka, stack.events_topic) as sender:
            for event in events:
                if enough.wait(0.005):
                    return
                sender.send(interaction(event))
                sent.append(event)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sent
    finally:
        enough.set()
        thread.join()


def activations(stores: Stores, users: list[str]) -> dict[str, int]:
    """Read under which activation each list was made."""
    lists = stores.users.read_lists(users)
    return {shown.user: shown.activation for shown in lists if shown is not None}


def watch_lists_follow(stores: Stores, users: list[str], active: Active) -> None:
    """Wait until all lists are of an activation, and see that none ever falls back."""
    seen: dict[str, int] = {}

    def all_follow() -> bool:
        now = activations(stores, users)
        fallen = {user: number for user, number in now.items() if number < seen.get(user, 0)}
        assert not fallen
        seen.update(now)
        return all(now.get(user) == active.activation for user in users)

    wait_until(all_follow, PATIENCE_S, poll=0.005)


def test_swap_and_roll_back_amid_traffic(
    stack: EmbeddedStack, stores: Stores, world: World
) -> None:
    """Lists follow each activation while events flow, a roll back too, and none falls back."""
    first = activate(stores, world.model)
    wait_until_follows(stores, stack, first.activation)
    users = [f"swapped{number}" for number in range(12)]
    with steady_traffic(stack, traffic(users, 20_000, seed=21)) as sent:
        watch_lists_follow(stores, users, first)
        second = activate(stores, world.other)
        watch_lists_follow(stores, users, second)
        again = stores.models.activate(first.version)
        watch_lists_follow(stores, users, again)
    assert first.activation < second.activation < again.activation
    wait_until_reflected(stores, expect(sent), stack)
    assert differences(stores, expect(sent), world.model, again) == []


def test_refresh_follows_an_activation(stack: EmbeddedStack, stores: Stores, world: World) -> None:
    """After an activation and a refresh everybody's list is by the new model, live or not."""
    live = traffic(["u1", "u2"], 60, seed=22, start_ms=NOW_MS + 50_000_000)
    before = activate(stores, world.model)
    wait_until_follows(stores, stack, before.activation)
    give_everybody_a_list(stores, world, world.model, before)
    send(stack, live)
    active = activate(stores, world.other)
    wait_until_follows(stores, stack, active.activation)
    give_everybody_a_list(stores, world, world.other, active)
    expected = expect(world.events, live)
    wait_until_reflected(stores, expected, stack)
    assert differences(stores, expected, world.other, active) == []


@pytest.mark.parametrize("fault", ["flipped", "missing", "no manifest"])
def test_damaged_version_is_refused(
    stack: EmbeddedStack, stores: Stores, world: World, fault: str
) -> None:
    """A worker keeps its model if the next is damaged, says why, and follows the next good one."""
    good = activate(stores, world.model)
    wait_until_follows(stores, stack, good.activation)
    point_at_damaged(stores, world.other, fault, good.activation + 1)
    reason = "fails its SHA-256" if fault == "flipped" else "is missing"

    def refused() -> Heartbeat | None:
        beat = beat_of(stores, stack)
        return beat if beat is not None and reason in beat.trouble else None

    beat = wait_until(refused, PATIENCE_S)
    assert beat is not None
    assert (beat.version, beat.activation) == (good.version, good.activation)
    events = traffic([f"served while {fault}"], 20, seed=23)
    send(stack, events)
    wait_until_reflected(stores, expect(events), stack)
    assert differences(stores, expect(events), world.model, good) == []
    mended = activate(stores, world.model)
    assert mended.activation > good.activation + 1
    assert wait_until_follows(stores, stack, mended.activation).trouble == ""


@pytest.fixture
def apart(stack: EmbeddedStack) -> Iterator[Stores]:
    """Give stores under a prefix that no worker looks at."""
    opened = Stores.at(stack.redis_url, "apart")
    for key in opened.client.scan_iter("apart:*"):
        opened.client.delete(key)
    yield opened
    opened.client.close()


def test_pointer_that_is_none(apart: Stores, world: World) -> None:
    """A pointer that can't be read is trouble, not a crash, and is forgotten once it is mended."""
    swap = HotSwap(apart.models)
    activate(apart, world.model)
    assert swap.poll()
    held = swap.serving
    pointer = apart.client.get(APART.current)
    for nonsense in (b"nonsense", b"", b"one 20240101T000000Z-0", b"\xff\xfe", b"2 "):
        apart.client.set(APART.current, nonsense)
        assert not swap.poll()
        assert APART.current in swap.trouble
    assert isinstance(pointer, bytes)
    apart.client.set(APART.current, pointer)
    assert not swap.poll()
    assert (swap.trouble, swap.serving) == ("", held)


def test_redis_that_forgot_everything(apart: Stores, world: World) -> None:
    """Another model under the number that is held already, in a Redis begun anew, is followed."""
    swap = HotSwap(apart.models)
    first = activate(apart, world.model)
    assert swap.poll()
    for key in apart.client.scan_iter("apart:*"):
        apart.client.delete(key)
    assert not swap.poll()
    second = activate(apart, world.other)
    apart.client.set(APART.current, f"{first.activation} {second.version}")
    assert swap.poll()
    assert swap.serving is not None
    assert swap.serving.version == second.version


def test_same_version_again_is_not_loaded_again(apart: Stores, world: World) -> None:
    """Activating the version that is held moves the number and keeps the model in hand."""
    swap = HotSwap(apart.models)
    first = activate(apart, world.model)
    assert swap.poll()
    held = swap.serving
    second = apart.models.activate(first.version)
    assert swap.poll()
    assert held is not None
    assert swap.serving is not None
    assert swap.serving.model is held.model
    assert swap.serving.activation == second.activation > first.activation


def test_model_that_cannot_fold_in(apart: Stores, world: World) -> None:
    """A model whose numbers are whole but useless is refused before it serves anybody."""
    swap = HotSwap(apart.models)
    huge = replace(world.model, item_factors=world.model.item_factors * np.float32(1e25))
    activate(apart, huge)
    with np.errstate(all="ignore"):
        assert not swap.poll()
    assert swap.serving is None
    assert swap.trouble
