"""Micro-batches against a real Redis, without Kafka: races and refusals put in by hand."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from data.interaction import EventLimits, encode
from data.redis_keys import RedisKeys
from stream_inference.dead_letters import Message, Origin
from stream_inference.hot_swap import HotSwap
from stream_inference.micro_batch import MicroBatches
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests.builders import history, interaction
from tests.integration.world import Stores, World, activate, differences, expect, stale, traffic
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from data.user_history import UserHistory
    from data.user_store import StoredUser, UserStore
    from deploy.embedded.stack import EmbeddedStack
    from stream_inference.dead_letters import DeadLetter
    from tests.integration.world import Plain

KEYS = RedisKeys("batches")
LATER = 9_000_000_000_000  # an activation in the far future


@pytest.fixture
def emptied(shared_stack: EmbeddedStack) -> Iterator[Stores]:
    """Give stores under a prefix of their own, with nothing in them."""
    opened = Stores.at(shared_stack.redis_url, KEYS.prefix)
    for key in opened.client.scan_iter(f"{KEYS.prefix}:*"):
        opened.client.delete(key)
    yield opened
    opened.client.close()


class Bench:
    """A worker's inside: batches that can be handed messages, and the dead letters they made."""

    def __init__(self, stores: Stores, users: UserStore | None = None) -> None:
        self.letters: list[DeadLetter] = []
        self.swap = HotSwap(stores.models)
        self.swap.poll()
        self.batches = MicroBatches(users or stores.users, self.swap, EventLimits(), self.park)

    async def park(self, letter: DeadLetter) -> None:
        """Keep a dead letter."""
        self.letters.append(letter)

    def handle(self, events: Sequence[Plain]) -> None:
        """Hand over events as they come from Kafka, and wait until they are dealt with."""
        asyncio.run(self.batches.handle(messages(events)))

    def handle_until(self, events: Sequence[Plain], let_go: Callable[[], Awaitable[None]]) -> None:
        """Hand over events that must wait, and put an end to what they wait for."""

        async def both() -> None:
            handled = asyncio.create_task(self.batches.handle(messages(events)))
            await let_go()
            assert not handled.done()
            await handled

        asyncio.run(both())


def messages(events: Sequence[Plain]) -> list[Message]:
    """Put events into messages."""
    payloads = [encode(interaction(event)) for event in events]
    return [Message(Origin("t", 0, n), payload) for n, payload in enumerate(payloads)]


class Interrupted:
    """A user store in which somebody acts between reading and writing."""

    def __init__(self, store: UserStore, act: Callable[[], None]) -> None:
        self._store = store
        self._acts = [act]
        self.compare_and_set_many = store.compare_and_set_many

    def read_many(self, users: Sequence[str]) -> list[StoredUser]:
        """Read, and let the other one act once."""
        read = self._store.read_many(users)
        if self._acts:
            self._acts.pop()()
        return read


def test_lost_race_is_run_again(emptied: Stores, world: World) -> None:
    """A worker whose user was written meanwhile reads again, and both writes are kept."""
    active = activate(emptied, world.model)
    events = traffic(["a", "b", "c"], 30, seed=41)
    zombie = Bench(emptied)
    users = Interrupted(emptied.users, lambda: zombie.handle(events[:15]))
    bench = Bench(emptied, users)  # type: ignore[arg-type]  # wraps a UserStore, is none
    bench.handle(events[15:])
    assert bench.batches.lost_races == 3
    assert differences(emptied, expect(events), world.model, active) == []


def test_model_swapped_by_the_pulse_meanwhile(emptied: Stores, world: World) -> None:
    """Lists of a new model know of an event, even if it was the pulse that swapped the model."""
    activate(emptied, world.model)
    events = traffic(["a", "b"], 20, seed=42)
    active = None

    def night_and_pulse() -> None:
        nonlocal active
        active = activate(emptied, world.other)
        serving = Serving(world.other, active.version, active.activation)
        refresh(emptied.users, serving, known(["a", "b"]))
        assert bench.swap.poll()

    users = Interrupted(emptied.users, night_and_pulse)
    bench = Bench(emptied, users)  # type: ignore[arg-type]  # wraps a UserStore, is none
    bench.handle(events)
    assert active is not None
    night = [past(user) for user in ("a", "b")]
    assert differences(emptied, expect(night, events), world.other, active) == []


def past(user: str) -> Plain:
    """Give an event that the night knows."""
    return {"user": user, "video": "v9", "kind": "like", "at": 1_700_000_000_000}


def known(users: Sequence[str]) -> list[tuple[str, UserHistory]]:
    """Give what the night knows of these users."""
    return [(user, history([past(user)])) for user in users]


def test_list_of_a_model_that_cannot_be_loaded(
    emptied: Stores, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a later list stands, a worker left behind writes the history only, and says so."""
    activate(emptied, world.model)
    bench = Bench(emptied)
    later = Serving(world.other, activate(emptied, world.other).version, LATER)
    refresh(emptied.users, later, known(["a"]))
    emptied.client.set(KEYS.current, f"{LATER} 20240101T000000Z-never-there")
    events = traffic(["a"], 5, seed=43)
    bench.handle(events)
    assert stale(emptied, expect([past("a")], events)) == []
    (shown,) = emptied.users.read_lists(["a"])
    assert shown is not None
    assert (shown.version, shown.activation) == (later.version, LATER)
    assert "lists were made by a later model, which this worker can't load" in caplog.text
    assert bench.letters == []


def test_list_that_lags_is_mended_by_a_redelivery(
    emptied: Stores, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies after the history and before the list is redone by the next delivery."""
    activate(emptied, world.model)
    bench = Bench(emptied)
    active = activate(emptied, world.other)
    refresh(emptied.users, Serving(world.other, active.version, active.activation), known(["a"]))
    events = traffic(["a"], 5, seed=47)

    def die() -> bool:
        raise SystemExit

    monkeypatch.setattr(bench.swap, "poll", die)
    with pytest.raises(SystemExit):
        bench.handle(events)
    (stored,) = emptied.users.read_many(["a"])
    assert stored.lags
    assert stored.activation == active.activation
    Bench(emptied).handle(events)
    assert differences(emptied, expect([past("a")], events), world.other, active) == []
    (stored,) = emptied.users.read_many(["a"])
    assert not stored.lags


def test_list_that_lags_is_mended_by_the_refresh(emptied: Stores, world: World) -> None:
    """A list that a worker left behind could not make is made by a refresh of the same model."""
    activate(emptied, world.model)
    bench = Bench(emptied)
    active = activate(emptied, world.other)
    later = Serving(world.other, active.version, active.activation)
    refresh(emptied.users, later, known(["a"]))
    emptied.client.set(KEYS.current, f"{LATER} 20240101T000000Z-never-there")
    events = traffic(["a"], 5, seed=53)
    bench.handle(events)
    refresh(emptied.users, later, known(["a"]))
    assert differences(emptied, expect([past("a")], events), world.other, active) == []


@contextmanager
def setting(stores: Stores, name: str, value: int, usual: int) -> Iterator[None]:
    """Give the server another setting for a while."""
    stores.client.config_set(name, value)
    try:
        yield
    finally:
        stores.client.config_set(name, usual)


@pytest.mark.parametrize(
    ("name", "value", "usual"),
    [("min-replicas-to-write", 1, 0), ("maxmemory", 1, 0)],
    ids=["too few replicas", "full"],
)
def test_redis_that_refuses_writes(
    emptied: Stores, caplog: pytest.LogCaptureFixture, name: str, value: int, usual: int
) -> None:
    """A Redis that takes no writes makes the worker wait; no event becomes a dead letter."""
    bench = Bench(emptied)
    events = traffic(["a", "b"], 10, seed=44)

    async def refuse_a_while() -> None:
        refused = partial(wait_until, lambda: caplog.text.count("Redis can't do it now") >= 3)
        await asyncio.to_thread(refused)
        emptied.client.config_set(name, usual)

    with setting(emptied, name, value, usual):
        bench.handle_until(events, refuse_a_while)
    assert bench.letters == []
    assert stale(emptied, expect(events)) == []


def test_one_user_that_cannot_be_written(emptied: Stores) -> None:
    """Events of a user at whose key something else stands are parked, and all others go on."""
    emptied.client.hset(KEYS.history("cursed"), "not", "a history")
    good = traffic(["a", "b"], 20, seed=45)
    bad = traffic(["cursed"], 2, seed=46)
    bench = Bench(emptied)
    bench.handle([*good[:10], *bad, *good[10:]])
    assert stale(emptied, expect(good)) == []
    assert [(letter.reason, letter.offset) for letter in bench.letters] == [
        ("failed", 10),
        ("failed", 11),
    ]
    assert "WRONGTYPE" in bench.letters[0].detail
    assert (bench.batches.events, bench.batches.dead_letters) == (20, 2)
