"""Redis away, or slow: the worker waits and goes on, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
import redis

from deploy.embedded.redis_server import EmbeddedRedis
from deploy.embedded.stack import EmbeddedStack
from tests.integration.world import (
    NOW_MS,
    PATIENCE_S,
    Stores,
    World,
    activate,
    differences,
    expect,
    progress,
    send,
    traffic,
    wait_until_follows,
    wait_until_reflected,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AWAY_S = 10.0


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Give a stack whose Redis has its data again after a kill."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with EmbeddedStack(partitions=4) as stack, EmbeddedRedis(keep_in=folder) as lasting:
        stack.redis.stop()
        stack.redis = lasting
        with redis.from_url(lasting.url) as client:
            client.config_set("appendfsync", "always")
        stack.start_worker()
        yield stack


@pytest.mark.slow
def test_redis_killed(lasting: EmbeddedStack, world: World) -> None:
    """Redis gone for seconds while events flow costs retries, and not one event."""
    stores = Stores.at(lasting.redis_url)
    active = activate(stores, world.model)
    wait_until_follows(stores, lasting, active.activation)
    users = [f"user{number}" for number in range(40)]
    parts = [traffic(users, 300, seed, NOW_MS + seed * 1_000_000) for seed in range(3)]
    send(lasting, parts[0])
    lasting.redis.kill()
    gone, before = time.monotonic(), attempts(lasting)
    send(lasting, parts[1])
    wait_until(
        lambda: time.monotonic() > gone + AWAY_S and attempts(lasting) >= before + 2, PATIENCE_S
    )
    assert progress(lasting).left >= len(parts[1])
    lasting.redis.start()
    send(lasting, parts[2])
    expected = expect(*parts)
    wait_until_reflected(stores, expected, lasting)
    assert differences(stores, expected, world.model, active) == []
    stores.client.close()


def attempts(stack: EmbeddedStack) -> int:
    """Count how often the worker found that Redis can't do it."""
    return stack.worker_log.read_text().count("Redis can't do it now")


@pytest.mark.slow
def test_redis_stalls(lasting: EmbeddedStack, world: World) -> None:
    """A Redis that doesn't answer for a while holds the worker up, and costs no event."""
    stores = Stores.at(lasting.redis_url)
    active = activate(stores, world.model)
    wait_until_follows(stores, lasting, active.activation)
    events = traffic([f"stalled{number}" for number in range(20)], 200, seed=9)
    os.kill(lasting.redis.pid, signal.SIGSTOP)
    try:
        send(lasting, events)
        with (
            redis.from_url(lasting.redis_url, socket_timeout=2, retry=None) as client,
            pytest.raises(redis.TimeoutError),
        ):
            client.ping()
        assert progress(lasting).left >= len(events)
    finally:
        os.kill(lasting.redis.pid, signal.SIGCONT)
    wait_until_reflected(stores, expect(events), lasting)
    assert differences(stores, expect(events), world.model, active) == []
    stores.client.close()
