"""Heartbeats: which workers live, which model they hold, and how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import msgspec

if TYPE_CHECKING:
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

TTL_S: Final = 15
# The time is Redis's: a worker whose own clock is ahead would else forget all the others.
_NOTE: Final = """
local now_ms, ttl_s = redis.call('TIME')[1] * 1000, tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], now_ms, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now_ms - ttl_s * 1000)
redis.call('EXPIRE', KEYS[1], ttl_s)
"""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself every few seconds.

    Attributes
    ----------
    worker
        Unique name of the process.
    version, activation
        The model it holds; None and 0 when it holds none.
    trouble
        Why it does not hold the current model; empty when it does.
    lag
        Events in its partitions that are not reflected in Redis yet, as far as Kafka has told.
    events, dead_letters, lost_races, other_keys
        Counted since it started; the last are events whose key isn't their user.
    """

    worker: str
    version: str | None
    activation: int
    trouble: str = ""
    lag: int = 0
    events: int = 0
    dead_letters: int = 0
    lost_races: int = 0
    other_keys: int = 0


class Heartbeats:
    """Write and read heartbeats.

    Parameters
    ----------
    client
        Connection that returns bytes.
    keys
        The key schema.
    """

    def __init__(self, client: Client, keys: RedisKeys) -> None:
        self._redis = client
        self._keys = keys

    def beat(self, heartbeat: Heartbeat) -> None:
        """Report, and forget workers that have been silent for long."""
        name = self._keys.worker(heartbeat.worker)
        self._redis.set(name, msgspec.json.encode(heartbeat), ex=TTL_S)
        self._redis.eval(_NOTE, 1, self._keys.workers, heartbeat.worker, str(10 * TTL_S))

    def stop(self, worker: str) -> None:
        """Take a worker that ends by itself off the list at once."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(self._keys.worker(worker))
            pipe.zrem(self._keys.workers, worker)
            pipe.execute()

    def alive(self) -> list[Heartbeat]:
        """Heartbeats that are no older than their TTL, by worker."""
        names = cast("list[bytes]", self._redis.zrange(self._keys.workers, 0, -1))
        workers = sorted(name.decode() for name in names)
        with self._redis.pipeline(transaction=False) as pipe:
            for worker in workers:
                pipe.get(self._keys.worker(worker))
            values = pipe.execute()
        return [msgspec.json.decode(v, type=Heartbeat) for v in values if v is not None]
