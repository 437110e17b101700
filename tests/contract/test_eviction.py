"""A worker says at its start whether Redis may drop the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from data.redis_connection import server_of
from data.redis_facts import eviction_warning

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
        (100 * MIB, "volatile-ttl", False),
        (100 * MIB, "volatile-lru", False),
        (100 * MIB, "allkeys-lru", True),
        (100 * MIB, "allkeys-lfu", True),
        (100 * MIB, "allkeys-random", True),
    ],
)
def test_only_an_allkeys_policy_with_a_limit_is_warned_of(
    client: Client, holder: redis.Redis, most: int, policy: str, *, warns: bool
) -> None:
    """A policy that may drop the model is named with what to set, on any node; others are fine."""
    holder.config_set("maxmemory", most)
    holder.config_set("maxmemory-policy", policy)
    warning = eviction_warning(client)
    assert bool(warning) is warns
    assert not warns or (policy in warning and "volatile-ttl or noeviction" in warning)


def test_a_user_who_may_not_ask_is_told_so(holder: redis.Redis) -> None:
    """Where Redis doesn't tell, the warning says that it could not be checked."""
    holder.execute_command("ACL", "SETUSER", "blind", "on", ">pw", "+@all", "-info")  # type: ignore[no-untyped-call]  # has no types
    at = holder.get_connection_kwargs()
    with redis.Redis(at["host"], at["port"], username="blind", password="pw") as blind:  # noqa: S106 - a test's
        assert "could not be checked" in eviction_warning(blind)
    holder.acl_deluser("blind")
