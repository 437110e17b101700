"""One night at a time."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from data.model_lock import LockedError, ModelLock
from tests.contract.lock_holder import TTL_S, holder
from tests.waiting import wait_until

if TYPE_CHECKING:
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys
    from deploy.embedded.redis_server import EmbeddedRedis


def test_a_second_night_is_refused(client: Client, keys: RedisKeys, lock: ModelLock) -> None:
    """While one holds the lock another is told who, where and since when; afterwards it gets it."""
    other = ModelLock(client, keys, ttl_s=TTL_S)
    me = rf"since \d{{4}}-.* UTC, on host {socket.gethostname()}, process {os.getpid()}"
    with lock, pytest.raises(LockedError, match=me):
        other.acquire()
    with other:
        assert other.fence != lock.fence


def test_every_holder_has_a_higher_number(lock: ModelLock) -> None:
    """The number in the token rises each time the lock is taken."""
    numbers = []
    for _ in range(3):
        with lock:
            numbers.append(int(lock.fence.split(" ")[0]))
    assert numbers == [1, 2, 3]


def test_nothing_but_the_fence_is_left(client: Client, keys: RedisKeys, lock: ModelLock) -> None:
    """A lock that was given back leaves who had it last, and nothing else."""
    with lock:
        token = lock.fence
    assert list(client.scan_iter()) == [keys.fence.encode()]
    assert client.get(keys.fence) == token.encode()


def test_release_leaves_the_lock_of_another(
    client: Client, keys: RedisKeys, lock: ModelLock
) -> None:
    """Whoever lost the lock does not give back that of the next one."""
    lock.acquire()
    client.delete(keys.lock)
    with ModelLock(client, keys, ttl_s=TTL_S) as other:
        lock.release()
        assert client.get(keys.lock) == other.fence.encode()


def test_a_lock_outlives_its_time(client: Client, keys: RedisKeys, lock: ModelLock) -> None:
    """A holder that lives renews its lock: its time goes up again and again."""
    with lock:
        seen = [client.pttl(keys.lock)]

        def rises() -> bool:
            seen.append(client.pttl(keys.lock))
            return seen[-1] > seen[-2]

        for _ in range(3):
            wait_until(rises, what="a renewal")
        assert client.get(keys.lock) == lock.fence.encode()


def test_a_killed_night_is_waited_for(server: EmbeddedRedis, lock: ModelLock) -> None:
    """The lock of a holder that was killed can be had as soon as it runs out."""
    with holder(server) as other:
        other.kill()
        other.wait()
        with lock:
            assert lock.fence.startswith("2 ")
