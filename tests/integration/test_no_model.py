"""A worker that starts before the first night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.embedded.stack import EmbeddedStack
from tests.integration.world import (
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


@pytest.fixture
def bare() -> Iterator[EmbeddedStack]:
    """Give a stack in which nothing was ever published."""
    with EmbeddedStack(partitions=2) as stack:
        stack.start_worker()
        yield stack


@pytest.mark.slow
def test_before_the_first_night(bare: EmbeddedStack, world: World) -> None:
    """Without a model histories are kept and lists are empty; with one, lists follow."""
    stores = Stores.at(bare.redis_url)
    users = ["u1", "u2", "u3", "stranger"]
    events = traffic(users, 120, seed=31)
    send(bare, events)
    wait_until_reflected(stores, expect(events), bare)
    lists = stores.users.read_lists(users)
    assert [shown and (shown.version, shown.activation, shown.items) for shown in lists] == [
        ("", 0, ())
    ] * len(users)
    beat = wait_until(lambda: beat_of(stores, bare), PATIENCE_S)
    assert beat is not None
    assert (beat.version, beat.activation, beat.trouble) == (None, 0, "")

    active = activate(stores, world.model)
    wait_until_follows(stores, bare, active.activation)
    give_everybody_a_list(stores, world, world.model, active)
    more = traffic(["stranger"], 3, seed=32)
    send(bare, more)
    # The refresh brought the night's events after the day's: with so few videos any order will do.
    night = [event for event in world.events if event["user"] in users]
    expected = expect(night, events, more)
    assert all(len(history["videos"]) < 60 for history in expected.values())
    wait_until_reflected(stores, expected, bare)
    assert differences(stores, expected, world.model, active) == []

    bare.stop_worker()
    assert stores.heartbeats.alive() == [], "a worker that ends takes its heartbeat with it"
    stores.client.close()
