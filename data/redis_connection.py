"""Connecting to Redis, and errors that say what to do."""

from __future__ import annotations

import re
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.connection import SSLConnection, parse_url
from redis.exceptions import (
    AskError,
    AuthenticationError,
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
_ASK_S: Final = 5.0
_RECONNECTED: Final = (ConnectionError, TimeoutError, ReadOnlyError)
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


class RedisSetupError(RedisUnavailableError):
    """The same, and waiting doesn't help: a password, TLS, a file or the URL is wrong."""


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
    RedisSetupError
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
        once_more = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
        asked = redis.Redis.from_url(url, retry=once_more, **options | {"socket_timeout": _ASK_S})
    except ValueError:
        msg = (
            f"The Redis URL {without_password(url)!r} can't be read. It looks like "
            "redis://[user:password@]host:port/db, with what is special in a password "
            f"percent-encoded. {_SETTINGS}"
        )
        raise RedisSetupError(msg) from None  # the cause may quote a piece of the password
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
        raise RedisSetupError(msg)
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


def without_password(url: str) -> str:
    """Hide user and password of a URL, wherever they stand in it, for messages."""
    url = re.sub("password=[^&]*", "password=***", url)
    head, at, tail = url.rpartition("@")
    scheme = re.match("[a-z]*://", head)
    return f"{scheme[0] if scheme else ''}***@{tail}" if at else url


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn an error of Redis into one that a person can act on.

    Raises
    ------
    RedisSetupError
        If waiting doesn't help.
    RedisUnavailableError
        In place of any other error of the client library.
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
        kind, remedy = _remedy(url, error)
        msg = f"Redis at {without_password(url)} does not answer as it should: {error}. {remedy}"
        raise kind(msg) from error


def _remedy(url: str, error: Exception) -> tuple[type[RedisUnavailableError], str]:
    """Say whether waiting helps, and what a person can do."""
    if isinstance(error, AuthenticationError):
        return RedisSetupError, (
            "Mend user and password in the URL, redis://user:password@host:port, with what is "
            f"special in them percent-encoded. {_SETTINGS}"
        )
    causes = list(_causes(error))
    if any("handshake operation timed out" in str(cause) for cause in causes):
        return (
            RedisSetupError,
            f"If it does not speak TLS, say redis://, not rediss://. {_SETTINGS}",
        )
    faults = (ssl.SSLError, FileNotFoundError) if url.startswith("rediss:") else ssl.SSLError
    if any(isinstance(cause, faults) for cause in causes):
        return RedisSetupError, (
            "Look at redis_ca if we do not trust its certificate, at redis_certificate and "
            "redis_key if it asks for ours, and say redis:// if it does not speak TLS."
        )
    kind = RedisUnavailableError if is_transient(error) else RedisSetupError
    return kind, f"Start a Redis 6.2+ or Valkey there. {_SETTINGS}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
