"""What a Redis tells of itself: its version, and what it drops when it is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from redis import RedisCluster
from redis.exceptions import NoPermissionError

if TYPE_CHECKING:
    from data.redis_connection import Client

EVICTION_REMEDY: Final = (
    "Set it to volatile-lru or noeviction, by CONFIG SET and in its configuration file."
)
# Heartbeats and the lock live for seconds, users for months: whoever goes by that takes them first.
_DROPS: Final = {
    "allkeys-": "the model before any user",
    "volatile-ttl": "the heartbeats of workers and the lock of a night before any user",
    "volatile-random": "active users, heartbeats of workers and the lock of a night at random",
}


def described(client: Client) -> str:
    """Name what answers there: its kind, its version, and how it runs."""
    try:
        told = client.info("server", **_primaries(client))
    except NoPermissionError:
        return "of an unknown version: this user may not `INFO`"
    clustered = isinstance(client, RedisCluster)
    info = next(iter(told.values())) if clustered else told
    kind = info.get("server_name", "redis")
    version = info.get(f"{kind}_version", info.get("redis_version", "?"))
    return f"{kind} {version}, " + (f"{len(told)} primaries" if clustered else "one server")


def eviction_warning(client: Client) -> str:
    """Say what Redis drops that it must keep, or why that can't be known; empty if nothing.

    It asks by `INFO`, which managed services allow where they forbid `CONFIG GET`.
    """
    try:
        told = client.info("memory", **_primaries(client))
    except NoPermissionError:
        return "It could not be checked what Redis drops when it is full: this user may not `INFO`."
    memories = told.values() if isinstance(client, RedisCluster) else [told]
    for memory in memories:
        policy = str(memory.get("maxmemory_policy", ""))
        if not policy:
            return "It could not be checked what Redis drops when it is full: it doesn't say."
        dropped = [what for start, what in _DROPS.items() if policy.startswith(start)]
        if dropped and memory.get("maxmemory"):
            return (
                f"When it is full, Redis drops {dropped[0]}: its maxmemory-policy is {policy}. "
                f"{EVICTION_REMEDY}"
            )
    return ""


def _primaries(client: Client) -> dict[str, Any]:
    clustered = isinstance(client, RedisCluster)
    return {"target_nodes": RedisCluster.PRIMARIES} if clustered else {}
