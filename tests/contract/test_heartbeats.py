"""Who lives, and who is believed to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from data.heartbeats import TTL_S, Heartbeat, Heartbeats
from tests.waiting import wait_until

if TYPE_CHECKING:
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

ONE = Heartbeat(worker="one", version="v", activation=3, lag=5, events=7, dead_letters=1)
TWO = Heartbeat(worker="two", version=None, activation=0, trouble="the model is damaged")


@pytest.fixture
def heartbeats(client: Client, keys: RedisKeys) -> Heartbeats:
    """Give heartbeats on an empty server."""
    return Heartbeats(client, keys)


def test_nobody_lives_at_first(heartbeats: Heartbeats) -> None:
    """Without a beat nobody is alive."""
    assert heartbeats.alive() == []


def test_beats_appear_by_worker(heartbeats: Heartbeats) -> None:
    """Each worker's last beat is read back whole, in the order of their names."""
    heartbeats.beat(TWO)
    heartbeats.beat(Heartbeat(worker="one", version=None, activation=0))
    heartbeats.beat(ONE)
    assert heartbeats.alive() == [ONE, TWO]


@pytest.mark.parametrize("name", ["with space", "{braces}", "host:1234", "ünï\n"])
def test_any_name_will_do(heartbeats: Heartbeats, name: str) -> None:
    """A worker may have any name."""
    beat = Heartbeat(worker=name, version="v", activation=1)
    heartbeats.beat(beat)
    assert heartbeats.alive() == [beat]


def test_silent_worker_expires(heartbeats: Heartbeats, client: Client, keys: RedisKeys) -> None:
    """A beat carries its time to live, and when that is over the worker is alive no more."""
    heartbeats.beat(ONE)
    heartbeats.beat(TWO)
    assert TTL_S - 2 <= client.ttl(keys.worker("one")) <= TTL_S
    client.pexpire(keys.worker("one"), 1)
    wait_until(lambda: heartbeats.alive() == [TWO], what="the worker's expiry")


def test_stopped_worker_is_gone_at_once(
    heartbeats: Heartbeats, client: Client, keys: RedisKeys
) -> None:
    """A worker that ends by itself leaves nothing behind, and stopping twice does no harm."""
    heartbeats.beat(ONE)
    heartbeats.beat(TWO)
    for _ in range(2):
        heartbeats.stop("one")
    assert heartbeats.alive() == [TWO]
    heartbeats.stop("two")
    assert list(client.scan_iter(f"{keys.prefix}:*")) == []


def test_long_silent_worker_is_forgotten(
    heartbeats: Heartbeats, client: Client, keys: RedisKeys
) -> None:
    """The next beat of anybody clears away the name of who was silent for long."""
    client.zadd(keys.workers, {"ghost": 1_000})
    heartbeats.beat(ONE)
    assert client.zrange(keys.workers, 0, -1) == [b"one"]


def test_everything_expires(heartbeats: Heartbeats, client: Client, keys: RedisKeys) -> None:
    """No key of the heartbeats stays for ever."""
    heartbeats.beat(ONE)
    names = list(client.scan_iter(f"{keys.prefix}:*"))
    assert len(names) == 2
    assert all(client.ttl(name) > 0 for name in names)


def test_clock_of_a_worker_does_not_matter(
    heartbeats: Heartbeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose clock is a day ahead doesn't make others seem silent."""
    heartbeats.beat(ONE)
    monkeypatch.setattr(time, "time", lambda: 1e10)
    monkeypatch.setattr(time, "time_ns", lambda: 10**19)
    heartbeats.beat(TWO)
    assert heartbeats.alive() == [ONE, TWO]
