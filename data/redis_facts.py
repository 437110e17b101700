"""What a Redis tells of itself: its version, and whether it may drop the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from redis import RedisCluster
from redis.exceptions import NoPermissionError

if TYPE_CHECKING:
    from data.redis_connection import Client

EVICTION_REMEDY: Final = (
    "Set it to volatile-ttl or noeviction, by CONFIG SET and in its configuration file."
)


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
    """Say why Redis may drop the model, or why that can't be known; empty if it won't.

    It asks by `INFO`, which managed services allow where they forbid `CONFIG GET`.
    """
    try:
        told = client.info("memory", **_primaries(client))
    except NoPermissionError:
        return "It could not be checked whether Redis may drop the model: this user may not `INFO`."
    memories = told.values() if isinstance(client, RedisCluster) else [told]
    for memory in memories:
        policy = str(memory.get("maxmemory_policy", ""))
        if not policy:
            return "It could not be checked whether Redis may drop the model: it doesn't say."
        if memory.get("maxmemory") and policy.startswith("allkeys"):
            return (
                f"Redis drops the model before any user when it is full: its maxmemory-policy is "
                f"{policy}. {EVICTION_REMEDY}"
            )
    return ""


def _primaries(client: Client) -> dict[str, Any]:
    clustered = isinstance(client, RedisCluster)
    return {"target_nodes": RedisCluster.PRIMARIES} if clustered else {}
