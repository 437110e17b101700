"""Whoever lost the lock can't write any more."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from data.catalogue import Catalogue
from data.fenced import fenced
from data.frozen_model import ModelVersion
from data.model_lock import LostLockError, ModelLock
from data.model_store import ModelStore
from data.redis_connection import server_of
from tests.builders import model
from tests.contract.lock_holder import TTL_S, holder, tell
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.client import Pipeline

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys
    from deploy.embedded.redis_server import EmbeddedRedis

ONE, TWO = ModelVersion("one"), ModelVersion("two")
WRITES: dict[str, Callable[[ModelStore, ModelLock | None], object]] = {
    "publish": lambda store, lock: store.publish(TWO, model(seed=2), Catalogue(), lock=lock),
    "publish again": lambda store, lock: store.publish(ONE, model(), Catalogue(), lock=lock),
    "activate": lambda store, lock: store.activate(ONE, lock=lock),
    "prune": lambda store, lock: store.prune(1, lock=lock),
    "sweep": lambda store, lock: store.sweep(lock=lock),
}


def test_a_stopped_night_writes_nothing_once_another_took_over(
    server: EmbeddedRedis, client: Client, lock: ModelLock
) -> None:
    """A process that was stopped for longer than its lock lived wakes up and changes no key."""
    with holder(server) as other:
        other.send_signal(signal.SIGSTOP)
        with lock:
            before = everything(client)
            other.send_signal(signal.SIGCONT)
            assert tell(other) == "lost"
            assert everything(client) == before


def test_a_stopped_night_goes_on_if_nobody_took_over(
    server: EmbeddedRedis, client: Client, keys: RedisKeys
) -> None:
    """A lock that ran out is taken back by its holder, as long as nobody else had it."""
    with holder(server) as other:
        other.send_signal(signal.SIGSTOP)
        wait_until(lambda: not client.exists(keys.lock), what="the lock to run out")
        other.send_signal(signal.SIGCONT)
        wait_until(lambda: client.exists(keys.lock), what="the lock to be taken back")
        assert tell(other) == "written"


def everything(client: Client) -> dict[bytes, bytes | None]:
    """Read all keys but the lock, whose time runs."""
    names = sorted(name for name in client.scan_iter() if not name.endswith(b":lock"))
    return {name: client.dump(name) for name in names}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_no_write_passes_the_fence(
    client: Client,
    keys: RedisKeys,
    lock: ModelLock,
    write: Callable[[ModelStore, ModelLock | None], object],
) -> None:
    """With a lock that another took since, no method of the store changes one key.

    Without the fence each of them, but the publishing of what is there already, does.
    """
    store = ModelStore(client, keys)
    for version in ("older", ONE, "newer"):
        store.publish(ModelVersion(version), model(), Catalogue())
    store.activate(ModelVersion("newer"))
    client.hset(keys.unfinished, "begun", '{"model": 1}')
    client.set(keys.chunk("begun", "model", 0), b"half")
    lock.acquire()
    client.delete(keys.lock)
    with ModelLock(client, keys, ttl_s=TTL_S):
        before = everything(client)
        with pytest.raises(LostLockError, match="run it again"):
            write(store, lock)
        assert everything(client) == before
    lock.release()
    write(store, None)
    assert everything(client) != before or write is WRITES["publish again"]


def test_a_lock_that_redis_forgot_is_lost(client: Client, keys: RedisKeys, lock: ModelLock) -> None:
    """After Redis lost its data, the holder of before writes nothing."""
    with lock:
        client.flushall()
        with pytest.raises(LostLockError, match="by nobody"):
            fenced(client, keys, lock, lambda pipe: pipe.set(keys.unfinished, "value"))
    assert list(client.scan_iter()) == []


def test_a_takeover_between_look_and_write_is_seen(
    client: Client, keys: RedisKeys, lock: ModelLock
) -> None:
    """The fence is compared in the same step as the write, not a moment before."""

    def queue(pipe: Pipeline) -> None:
        client.set(keys.fence, "another")
        pipe.set(keys.unfinished, "value")

    with lock, pytest.raises(LostLockError):
        fenced(client, keys, lock, queue)
    assert not client.exists(keys.unfinished)


def test_a_connection_that_breaks_lets_nobody_pass(
    client: Client, keys: RedisKeys, lock: ModelLock
) -> None:
    """What is sent again after the connection broke is compared with the fence again."""

    def queue(pipe: Pipeline) -> None:
        client.set(keys.fence, "another")
        server_of(client, keys.fence).client_kill_filter(_type="normal", skipme=True)
        pipe.set(keys.unfinished, "value")

    with lock, pytest.raises(LostLockError):
        fenced(client, keys, lock, queue)
    assert not client.exists(keys.unfinished)


def test_a_lock_that_was_not_taken_writes_nothing(
    client: Client, keys: RedisKeys, lock: ModelLock
) -> None:
    """A lock that is not held is as good as lost."""
    with pytest.raises(LostLockError):
        fenced(client, keys, lock, lambda pipe: pipe.set(keys.unfinished, "value"))
