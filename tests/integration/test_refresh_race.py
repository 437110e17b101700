"""Live events and the refresh race on the same users for half a minute, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count, cycle
from typing import TYPE_CHECKING

import pytest

from data.interaction import EventLimits
from data.redis_keys import RedisKeys
from data.user_store import Answer, UserStore, _arguments
from deploy.embedded.redis_server import EmbeddedRedis
from stream_inference.hot_swap import HotSwap
from stream_inference.micro_batch import MicroBatches
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests import oracle
from tests.builders import history, model
from tests.integration.test_micro_batches import messages
from tests.integration.world import Stores, activate, differences, traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from data.user_store import UserWrite
    from stream_inference.dead_letters import DeadLetter
    from tests.integration.world import Plain

USERS = [f"user {number}" for number in range(300)]
MODELS = [model(150, 16, seed=seed) for seed in (1, 2)]
WORKERS = 3  # each gets events of all users, as if partitions were held twice
BATCH = 24  # events in a micro-batch
SECONDS = 30.0
CONTROL_S, CONTROL_ROUNDS = 1.0, 20  # the control is asked every second, and may stop then


class BlindStore(UserStore):
    """The control: it writes what was computed, whatever stands there by now."""

    def compare_and_set_many(self, writes: Sequence[UserWrite]) -> list[Answer]:
        """Write with plain SETs and compare nothing."""
        with self._redis.pipeline() as pipe:
            for write in writes:
                _, state, shown = _arguments(write)
                at = self._keys.history(write.up_next.user)
                if write.history is None:
                    pipe.setrange(at, 0, state)
                else:
                    pipe.set(at, state)
                pipe.set(self._keys.up_next(write.up_next.user), shown)
            pipe.execute()
        return [Answer.WRITTEN] * len(writes)


class Day:
    """A worker's inside in a thread of its own, and all events that it was handed."""

    def __init__(self, stores: Stores, seed: int) -> None:
        self.events: list[Plain] = []
        self._seeds = count(seed, WORKERS)
        swap = HotSwap(stores.models)
        swap.poll()
        self.batches = MicroBatches(stores.users, swap, EventLimits(), self._park)

    async def _park(self, letter: DeadLetter) -> None:
        raise AssertionError(letter)

    def work_until(self, deadline: float) -> None:
        """Handle micro-batches; what is handled is reflected, and the next may come."""
        while time.monotonic() < deadline:
            events = traffic(USERS, BATCH, next(self._seeds))
            asyncio.run(self.batches.handle(messages(events)))
            self.events += events


class Night:
    """Activates one model, then the other, and refreshes everybody each time."""

    def __init__(self, stores: Stores) -> None:
        self.events = traffic(USERS, 6_000, seed=1_000_000)
        self._stores = stores
        known = {user: [e for e in self.events if e["user"] == user] for user in USERS}
        self._histories = [(user, history(events)) for user, events in known.items()]
        versions = [activate(stores, one).version for one in MODELS]
        self._turns = cycle(zip(versions, MODELS, strict=True))
        self.lost_races = 0

    def work_until(self, deadline: float) -> None:
        """Go on until the time is up; the last activation is refreshed to its end too."""
        while time.monotonic() < deadline:
            version, self.model = next(self._turns)
            self.active = self._stores.models.activate(version)
            serving = Serving(self.model, version, self.active.activation)
            self.lost_races += refresh(self._stores.users, serving, self._histories).lost_races


class Race:
    """The night and several workers on the same users of one Redis."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.night = Night(stores)
        self.days = [Day(stores, seed) for seed in range(WORKERS)]

    def run(self, seconds: float) -> None:
        """Let all of them work at once, and wait until they are done."""
        deadline = time.monotonic() + seconds
        with ThreadPoolExecutor(WORKERS + 1) as pool:
            runners = [pool.submit(day.work_until, deadline) for day in self.days]
            runners.append(pool.submit(self.night.work_until, deadline))
        for runner in runners:
            runner.result()

    def complaints(self) -> list[str]:
        """Compare every state and list with a replay of all events, one after the other."""
        events = [*self.night.events, *(event for day in self.days for event in day.events)]
        expected = oracle.histories(events, self.night.model.history_limit)
        return differences(self._stores, expected, self.night.model, self.night.active)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    """Give a Redis that nobody else uses."""
    with EmbeddedRedis() as running:
        yield running


@pytest.mark.slow
def test_nothing_is_lost(server: EmbeddedRedis) -> None:
    """When all have come to rest, states and lists are those of a replay, one by one.

    No video falls out of a history here, so the order of the events can't matter. Every list is
    by the last activation, whoever wrote it: the refresh after it replaces each older list, no
    older list replaces its own, and a worker whose list was refused follows and makes it anew.
    """
    stores = Stores.at(server.url, "race")
    race = Race(stores)
    race.run(SECONDS)
    assert race.complaints() == []
    lost = [race.night.lost_races, *(day.batches.lost_races for day in race.days)]
    assert min(lost) > 0, f"nobody raced: {lost}"
    stores.client.close()


@pytest.mark.slow
def test_control_loses_events(server: EmbeddedRedis) -> None:
    """Without compare and set the same race leaves states that lack events, by the same check."""
    stores = Stores.at(server.url, "control")
    race = Race(stores._replace(users=BlindStore(stores.client, RedisKeys("control"))))
    for _ in range(CONTROL_ROUNDS):
        race.run(CONTROL_S)
        if complaints := race.complaints():
            break
    assert any("has another history" in complaint for complaint in complaints)
    stores.client.close()
