"""Rows in which Redis drops keys because it is full."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from data.redis_keys import RedisKeys
from tests.faults.day.breaking import under_load
from tests.faults.day.night_after import healed
from tests.faults.day.table import Outcome, row, took_effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.day.stage import Stage

_JUNK: Final = b"x" * 1_000
_ALL: Final = 10_000  # keys that Redis looks at for each that it drops: more than there are
_USERS: Final = 10  # keys of users that must go
_COLD_S: Final = 3  # Redis tells how long a key was left alone in whole seconds


@contextmanager
def drops(stage: Stage, policy: str) -> Iterator[list[str]]:
    """Give a list that takes the keys that Redis drops under a policy, until the end."""
    client, gone = stage.stores.client, list[str]()
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory-samples", _ALL)
    client.config_set("maxmemory", 2**30)
    client.config_set("notify-keyspace-events", "Ee")
    with client.pubsub() as told:  # type: ignore[no-untyped-call]  # has no types
        told.psubscribe(**{"__keyevent*__:evicted": lambda m: gone.append(m["data"].decode())})
        listener = told.run_in_thread(sleep_time=0.02, daemon=True)
        try:
            yield gone
        finally:
            listener.stop()
            listener.join()


def squeeze(stage: Stage, enough: Callable[[], bool]) -> None:
    """Let Redis be full, and write junk until enough of the rest is gone."""
    client, number = stage.stores.client, 0
    client.config_set("maxmemory", client.info("memory")["used_memory"])
    while not enough():
        client.set(f"junk {(number := number + 1)}", _JUNK, ex=10**9)
    client.config_set("maxmemory", 0)


@row(
    "the model is evicted",
    promise="a worker warns of it when it starts; the model in hand goes on serving",
    how="allkeys-lru, every user was just read, Redis is full until a chunk of the model is gone",
)
def model_evicted(stage: Stage) -> Outcome:
    """Let Redis drop the model, which is its coldest key."""
    chunk = RedisKeys().chunk(stage.active.version, "model", 0)
    with drops(stage, "allkeys-lru") as gone:
        stage.start_workers(1)
        with under_load(stage):
            time.sleep(_COLD_S)
            users = sorted(stage.users_in_redis())
            stage.stores.users.read_many(users), stage.stores.users.read_lists(users)
            squeeze(stage, lambda: not stage.stores.client.exists(chunk))
        counts = stage.count()
    assert "maxmemory-policy is allkeys-lru" in stage.crew.log(), "it must warn when it starts"
    told = f"{len(gone)} keys evicted, a chunk of the model among them, none of a user"
    return Outcome(counts, took_effect(told, happened=chunk in gone and not of_users(gone)))


@row(
    "users are evicted",
    promise="model and heartbeats stay; who is dropped is whole again after the next refresh",
    how="volatile-lru, as the worker advises; Redis is full until "
    f"{_USERS} keys of users are gone, both histories and lists",
)
def users_evicted(stage: Stage) -> Outcome:
    """Let Redis drop those users whom nobody asked for the longest time."""
    with drops(stage, "volatile-lru") as gone:
        stage.start_workers(1)
        time.sleep(_COLD_S)
        with under_load(stage, rate=20):
            squeeze(stage, lambda: len(of_users(gone)) >= _USERS and len(kinds(gone)) == 2)
        outcome = healed(stage)
    stage.stores.models.verify(stage.active.version)
    told = f"{len(of_users(gone))} keys of users evicted, none of a worker; {outcome.proof}"
    spared = not any("{workers}" in key for key in gone)
    return Outcome(outcome.counts, took_effect(told, happened=spared))


def kinds(keys: list[str]) -> set[str]:
    """Tell what of users is among these keys: histories, lists, or both."""
    return {key.rpartition(":")[2] for key in of_users(keys)}


def of_users(keys: list[str]) -> list[str]:
    """Give those keys that are a user's."""
    return [key for key in keys if "{u:" in key]
