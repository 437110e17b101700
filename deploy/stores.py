"""Stores: all that is kept in one Redis."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

from data.defaults import DEFAULT_TTL_S
from data.heartbeats import Heartbeats
from data.model_lock import ModelLock
from data.model_store import ModelStore
from data.redis_connection import connect, explained
from data.redis_keys import RedisKeys
from data.user_store import UserStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.settings import Settings


class Stores(NamedTuple):
    """Models, users and heartbeats, and the lock that a night holds."""

    models: ModelStore
    users: UserStore
    heartbeats: Heartbeats
    lock: ModelLock

    @classmethod
    def at(cls, url: str, prefix: str = "upnext", ttl_s: int = DEFAULT_TTL_S) -> Self:
        """Open the stores of one Redis, and see that it answers.

        Raises
        ------
        data.redis_connection.RedisUnavailableError
            If the URL can't be read.
        redis.RedisError
            If nobody answers there; see `data.redis_connection.explained`.
        """
        client, keys = connect(url), RedisKeys(prefix)
        client.ping()  # better now than after an hour of training
        return cls(
            ModelStore(client, keys),
            UserStore(client, keys, ttl_s=ttl_s),
            Heartbeats(client, keys),
            ModelLock(client, keys),
        )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Open the stores that the settings name; errors as `at`."""
        return cls.at(settings.redis_url, settings.redis_prefix, settings.ttl_s)

    @classmethod
    @contextmanager
    def locked(cls, settings: Settings) -> Iterator[Self]:
        """Open the stores that the settings name, and hold the lock that a night holds.

        Raises
        ------
        data.redis_connection.RedisUnavailableError
            If Redis can't be used.
        data.model_lock.LockedError
            If somebody else holds the lock.
        """
        with explained(settings.redis_url):
            stores = cls.of(settings)
            with stores.lock:
                yield stores
