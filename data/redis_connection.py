"""Connecting to Redis, and errors that say what to do."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import redis
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - Redis's own, which is what is meant here
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - Redis's own, which is what is meant here
    TryAgainError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Redis is away, starting, full, locked, or has become a replica: the same call may succeed later.
TRANSIENT_ERRORS: Final = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    TryAgainError,
    NoPermissionError,
    OSError,
)
# Refusals for which the client library has no class: a disk that can't be written, too few
# replicas, a script that runs for too long.
_REFUSED: Final = re.compile("(^|caused error: )(MISCONF|NOREPLICAS|BUSY) ")
_SETTINGS: Final = (
    "Another one is named with --redis-url, UPNEXT_REDIS_URL, or redis_url in upnext.toml."
)


def is_transient(error: BaseException) -> bool:
    """Whether the fault lies with Redis as a whole, so that the same call may succeed later."""
    refused = isinstance(error, ResponseError) and _REFUSED.search(str(error))
    return bool(refused) or isinstance(error, TRANSIENT_ERRORS)


class RedisUnavailableError(RuntimeError):
    """Redis can't be reached or refuses to work; the message says what to do."""


def connect(url: str) -> redis.Redis:
    """Open a connection pool; nothing is sent before the first command.

    Parameters
    ----------
    url
        ``redis://[user:password@]host:port/db``, ``rediss://`` for TLS, or ``unix://path``.

    Raises
    ------
    RedisUnavailableError
        If the URL can't be understood.
    """
    try:
        client: redis.Redis = redis.Redis.from_url(
            url, socket_timeout=10, socket_connect_timeout=3, health_check_interval=30
        )
    except ValueError:
        msg = (
            f"The Redis URL {without_password(url)!r} can't be read. It looks like "
            "redis://[user:password@]host:port/db, with what is special in a password "
            f"percent-encoded. {_SETTINGS}"
        )
        raise RedisUnavailableError(msg) from None  # the cause may quote a piece of the password
    return client


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
    except RedisError as error:
        msg = (
            f"Redis at {without_password(url)} does not answer as it should: {error}. "
            f"Start a Redis 6.2+ or Valkey there. {_SETTINGS}"
        )
        raise RedisUnavailableError(msg) from error
