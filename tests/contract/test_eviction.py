"""A worker says at its start whether Redis drops what it must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from data.heartbeats import Heartbeat, Heartbeats
from data.model_lock import ModelLock
from data.redis_connection import server_of
from data.redis_facts import eviction_warning
from deploy.embedded.redis_server import EmbeddedRedis
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

MIB = 2**20


@pytest.fixture
def holder(client: Client, keys: RedisKeys) -> Iterator[redis.Redis]:
    """Give one server, whose limits are undone later."""
    one = server_of(client, keys.current)
    yield one
    one.config_set("maxmemory", 0)
    one.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize(
    ("most", "policy", "warns"),
    [
        (0, "noeviction", False),
        (0, "allkeys-lru", False),
        (100 * MIB, "noeviction", False),
        (0, "volatile-ttl", False),
        (100 * MIB, "volatile-lru", False),
        (100 * MIB, "volatile-lfu", False),
        (100 * MIB, "volatile-ttl", True),
        (100 * MIB, "volatile-random", True),
        (100 * MIB, "allkeys-lru", True),
        (100 * MIB, "allkeys-lfu", True),
        (100 * MIB, "allkeys-random", True),
    ],
)
def test_only_a_harmful_policy_with_a_limit_is_warned_of(
    client: Client, holder: redis.Redis, most: int, policy: str, *, warns: bool
) -> None:
    """A policy that drops what must stay is named with what to set, on any node; others do."""
    holder.config_set("maxmemory", most)
    holder.config_set("maxmemory-policy", policy)
    warning = eviction_warning(client)
    assert bool(warning) is warns
    assert not warns or (policy in warning and "volatile-lru or noeviction" in warning)


def evict(client: redis.Redis, policy: str) -> None:
    """Let a Redis be full until it has dropped ten keys."""
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory", client.info("memory")["used_memory"])
    before, number = client.info("stats")["evicted_keys"], 0
    while client.info("stats")["evicted_keys"] < before + 10:
        client.set(f"{policy} {(number := number + 1)}", b"x" * 1_000, ex=10**6)
    client.config_set("maxmemory", 0)


def test_what_is_advised_keeps_what_is_warned_of(keys: RedisKeys) -> None:
    """A full Redis drops idle users under volatile-lru, heartbeats and lock under volatile-ttl."""
    with (
        EmbeddedRedis(options={"maxmemory-samples": 1_000}) as server,
        redis.Redis(port=server.port) as client,
    ):
        users = [keys.history(f"user{number}") for number in range(100)]
        for user in users:
            client.set(user, b"x" * 1_000, ex=10**6)
        wait_until(lambda: client.object("IDLETIME", users[-1]) >= 2)
        beats, lock = Heartbeats(client, keys), ModelLock(client, keys)
        with lock:
            beats.beat(Heartbeat(worker="worker", version=None, activation=0))
            evict(client, "volatile-lru")
            left = client.exists(*users)
            assert (beats.alive() != [], client.exists(keys.lock)) == (True, 1)
            assert left < len(users)
            evict(client, "volatile-ttl")
            assert (beats.alive(), client.exists(keys.lock)) == ([], 0)


def test_a_user_who_may_not_ask_is_told_so(holder: redis.Redis) -> None:
    """Where Redis doesn't tell, the warning says that it could not be checked."""
    holder.execute_command("ACL", "SETUSER", "blind", "on", ">pw", "+@all", "-info")  # type: ignore[no-untyped-call]  # has no types
    at = holder.get_connection_kwargs()
    with redis.Redis(at["host"], at["port"], username="blind", password="pw") as blind:  # noqa: S106 - a test's
        assert "could not be checked" in eviction_warning(blind)
    holder.acl_deluser("blind")
