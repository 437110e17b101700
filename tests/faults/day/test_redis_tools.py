"""The tools that break Redis do what they say: else the rows of the fault table prove nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import redis

from deploy.embedded.redis_server import EmbeddedRedis
from tests.faults.day.fail_over import AT_ONCE, FailOver, OlderCopy
from tests.faults.day.proxy import Proxy
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    """Give a server to stand behind a proxy."""
    with EmbeddedRedis() as running:
        yield running


@pytest.fixture
def proxy(server: EmbeddedRedis) -> Iterator[Proxy]:
    """Give a proxy in front of the server."""
    with Proxy(server.port) as running:
        yield running


def client_of(proxy: Proxy) -> redis.Redis:
    """Connect through a proxy, without patience."""
    return redis.from_url(f"redis://127.0.0.1:{proxy.port}", socket_timeout=0.3)


def test_proxy_passes_everything_on(proxy: Proxy) -> None:
    """A megabyte comes back as it was sent."""
    with client_of(proxy) as client:
        client.set("large", b"x" * 2**20)
        assert client.get("large") == b"x" * 2**20


def test_slow_proxy(proxy: Proxy) -> None:
    """A trip takes the delay twice, and what travels together is late together."""
    with client_of(proxy) as client:
        client.ping()
        proxy.delay_s = (0.03, 0.05)
        began = time.monotonic()
        with client.pipeline(transaction=False) as pipe:
            for number in range(200):
                pipe.set(f"slow {number}", b"x" * 5_000)
            pipe.execute()
        assert 0.06 <= time.monotonic() - began < 0.06 * 5
        assert proxy.delayed_s >= 0.06


def test_silent_proxy(proxy: Proxy) -> None:
    """Nobody is answered until it passes on again; then what was sent has its effect."""
    with client_of(proxy) as client, client_of(proxy) as other:
        client.set("key", "before")
        other.ping()
        proxy.stall()
        for waiting in (client, other):
            with pytest.raises(redis.TimeoutError):
                waiting.append("key", " and after")
        proxy.pass_on()
        wait_until(lambda: client.get("key") == b"before and after and after")


def test_refusing_proxy(proxy: Proxy) -> None:
    """Open connections end and new ones are refused, until it listens again."""
    with client_of(proxy) as client:
        client.ping()
        proxy.refuse()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        proxy.listen()
        assert client.ping()
        assert proxy.connections == 2


@pytest.mark.parametrize("cut", [True, False])
def test_fail_over_loses_what_the_replica_lacks(*, cut: bool) -> None:
    """The front leads to the replica; who stays with the old primary is refused."""
    with (
        EmbeddedRedis() as primary,
        FailOver(primary) as pair,
        redis.from_url(pair.front.url) as client,
    ):
        client.set("early", 1)
        wait_until(pair.in_step)
        pair.lag()
        client.set("late", 1)
        pair.promote(cut=cut)
        if not cut:
            with pytest.raises(redis.ReadOnlyError):
                client.set("later", 1)
            client.connection_pool.disconnect()
        assert client.mget("early", "late") == [b"1", None]
        assert client.set("later", 1)


def test_handing_over_loses_nothing(tmp_path: Path) -> None:
    """Each server leads in turn and has all that was written, also what it had before a crash."""
    folders = tmp_path / "first", tmp_path / "second"
    folders[0].mkdir()
    with (
        EmbeddedRedis(keep_in=folders[0], options=AT_ONCE) as primary,
        FailOver(primary, folders[1]) as pair,
        client_of(pair.front) as client,
    ):
        for number in range(2):
            client.set(f"key {number}", 1)
            before = pair.leader
            pair.hand_over()
            assert pair.leader is not before
            client.connection_pool.disconnect()
            pair.leader.kill()
            pair.leader.start()
            assert all(client.mget(f"key {seen}" for seen in range(number + 1)))


def test_older_copy(tmp_path: Path) -> None:
    """What was written after the copy is gone, what was written before is there."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with EmbeddedRedis(keep_in=folder) as server, redis.from_url(server.url) as client:
        copy = OlderCopy(server, folder)
        client.set("before", 1)
        copy.take()
        client.set("after", 1)
        copy.put_back()
        assert client.mget("before", "after") == [b"1", None]
