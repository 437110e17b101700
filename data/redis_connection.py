"""Connecting to Redis, and errors that say what to do."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.connection import SSLConnection, parse_url
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterError,
    ConnectionError,  # noqa: A004 - Redis's own, which is what is meant here
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    SlotNotCoveredError,
    TimeoutError,  # noqa: A004 - Redis's own, which is what is meant here
    TryAgainError,
)
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

Client: TypeAlias = redis.Redis | redis.RedisCluster
"""A connection to one server, or to a Redis Cluster."""

# Redis is away, starting, full, locked, has become a replica, or its cluster is being moved or
# is not whole: the same call may succeed later.
TRANSIENT_ERRORS: Final = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterError,  # also CLUSTERDOWN and MASTERDOWN
    AskError,  # also MOVED
    TryAgainError,
    SlotNotCoveredError,
    NoPermissionError,
    OSError,
)
# Refusals for which the client library has no class: a disk that can't be written, too few
# replicas, a script that runs for too long; and a cluster of which too little can be reached.
_REFUSED: Final = re.compile("(^|caused error: )(MISCONF|NOREPLICAS|BUSY) ")
_NOT_WHOLE: Final = re.compile("cannot be connected|slots are not covered|could not agree")
_RECONNECTED: Final = (ConnectionError, TimeoutError, ReadOnlyError)
EVICTION_REMEDY: Final = (
    "Set it to volatile-ttl or noeviction, by CONFIG SET and in its configuration file."
)
_SETTINGS: Final = (
    "Another one is named with --redis-url, UPNEXT_REDIS_URL, or redis_url in upnext.toml."
)


def is_transient(error: BaseException) -> bool:
    """Whether the fault lies with Redis as a whole, so that the same call may succeed later."""
    refused = isinstance(error, ResponseError) and _REFUSED.search(str(error))
    not_whole = isinstance(error, RedisClusterException) and _NOT_WHOLE.search(str(error))
    return bool(refused or not_whole) or isinstance(error, TRANSIENT_ERRORS)


class RedisUnavailableError(RuntimeError):
    """Redis can't be reached or refuses to work; the message says what to do."""


def connect(url: str, *, patient: bool = True) -> Client:
    """Connect to one server, or to the Redis Cluster that it is a node of.

    A connection to a primary that has become a replica is closed, and the next one goes where the
    name leads by then.

    Parameters
    ----------
    url
        ``redis://[user:password@]host:port/db``, ``rediss://`` for TLS, or ``unix://path``.
    patient
        Whether a call waits some seconds for a Redis that is away. False where the caller does.

    Raises
    ------
    RedisUnavailableError
        If the URL can't be understood.
    redis.RedisError
        If nobody answers there; see `explained`.
    """
    retry = Retry(
        ExponentialWithJitterBackoff(base=1, cap=10) if patient else NoBackoff(),
        retries=3 if patient else 1,
        supported_errors=_RECONNECTED,
    )
    options: dict[str, Any] = {
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "health_check_interval": 30,
    }
    try:
        # Whether anybody is there at all is told at once; patience is for later.
        asked = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options)
    except ValueError:
        msg = (
            f"The Redis URL {without_password(url)!r} can't be read. It looks like "
            "redis://[user:password@]host:port/db, with what is special in a password "
            f"percent-encoded. {_SETTINGS}"
        )
        raise RedisUnavailableError(msg) from None  # the cause may quote a piece of the password
    with asked:
        clustered = _is_node_of_cluster(asked)
    if clustered:
        return _cluster(url, retry, options)
    return redis.Redis.from_url(url, retry=retry, **options)


def _cluster(url: str, retry: Retry, options: dict[str, Any]) -> redis.RedisCluster:
    """Connect to all nodes; not by the client's own `from_url`, whose `close` closes nothing."""
    given = options | parse_url(url)  # type: ignore[no-untyped-call]  # has no types
    if given.pop("db", 0) or "path" in given:
        msg = (
            f"At {without_password(url)} is a node of a Redis Cluster, which has no database but "
            f"0 and is reached by host and port. {_SETTINGS}"
        )
        raise RedisUnavailableError(msg)
    given["ssl"] = given.pop("connection_class", None) is SSLConnection
    return redis.RedisCluster(**given, retry=retry)


def _is_node_of_cluster(client: redis.Redis) -> bool:
    """Ask by `HELLO`, which needs no permission."""
    try:
        answer: Any = client.execute_command("HELLO")  # type: ignore[no-untyped-call]  # has no types
    except ResponseError as error:
        if "unknown command" in str(error).lower():  # a proxy
            return False
        raise
    pairs = (
        answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    )
    return pairs.get(b"mode") == b"cluster"


def server_of(client: Client, key: str) -> redis.Redis:
    """Give the one server that holds a key."""
    if isinstance(client, redis.Redis):
        return client
    node = client.get_node_from_key(key)  # type: ignore[no-untyped-call]  # has no types
    return client.get_redis_connection(node)


def eviction_warning(client: Client) -> str:
    """Say why Redis may drop the model, or why that can't be known; empty if it won't.

    It asks by `INFO`, which managed services allow where they forbid `CONFIG GET`.
    """
    try:
        told = client.info("memory", **_primaries(client))
    except NoPermissionError:
        return "It could not be checked whether Redis may drop the model: this user may not `INFO`."
    memories = told.values() if isinstance(client, redis.RedisCluster) else [told]
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
    clustered = isinstance(client, redis.RedisCluster)
    return {"target_nodes": redis.RedisCluster.PRIMARIES} if clustered else {}


def without_password(url: str) -> str:
    """Hide user and password of a URL, wherever they stand in it, for messages."""
    url = re.sub("password=[^&]*", "password=***", url)
    head, at, tail = url.rpartition("@")
    scheme = re.match("[a-z]*://", head)
    return f"{scheme[0] if scheme else ''}***@{tail}" if at else url


def described(client: Client) -> str:
    """Name what answers there: its kind, its version, and how it runs."""
    try:
        told = client.info("server", **_primaries(client))
    except NoPermissionError:
        return "of an unknown version: this user may not `INFO`"
    clustered = isinstance(client, redis.RedisCluster)
    info = next(iter(told.values())) if clustered else told
    kind = info.get("server_name", "redis")
    version = info.get(f"{kind}_version", info.get("redis_version", "?"))
    return f"{kind} {version}, " + (f"{len(told)} primaries" if clustered else "one server")


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn an error of Redis into one that a person can act on.

    Raises
    ------
    RedisUnavailableError
        In place of any error of the client library.
    """
    try:
        yield
    except OutOfMemoryError as error:
        msg = (
            f"Redis at {without_password(url)} is full ({error}). Raise its maxmemory, or delete "
            "old versions: upnext models prune --keep 1"
        )
        raise RedisUnavailableError(msg) from error
    except (RedisError, RedisClusterException) as error:
        msg = (
            f"Redis at {without_password(url)} does not answer as it should: {error}. "
            f"Start a Redis 6.2+ or Valkey there. {_SETTINGS}"
        )
        raise RedisUnavailableError(msg) from error
