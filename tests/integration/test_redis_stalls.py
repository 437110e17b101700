"""A Redis that stalls: the worker waits and goes on, and nothing is lost."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
import redis

from tests.integration.world import (
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

if TYPE_CHECKING:
    from deploy.embedded.stack import EmbeddedStack


@pytest.mark.slow
def test_redis_stalls(stack: EmbeddedStack, stores: Stores, world: World) -> None:
    """A Redis that doesn't answer for a while holds the worker up, and costs no event."""
    active = activate(stores, world.model)
    wait_until_follows(stores, stack, active.activation)
    events = traffic([f"stalled{number}" for number in range(20)], 200, seed=9)
    os.kill(stack.redis.pid, signal.SIGSTOP)
    try:
        send(stack, events)
        with (
            redis.from_url(stack.redis_url, socket_timeout=2, retry=None) as client,
            pytest.raises(redis.TimeoutError),
        ):
            client.ping()
        assert progress(stack).left >= len(events)
    finally:
        os.kill(stack.redis.pid, signal.SIGCONT)
    wait_until_reflected(stores, expect(events), stack)
    assert differences(stores, expect(events), world.model, active) == []
