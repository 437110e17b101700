"""One stack and one trained world for all tests whose faults don't reach the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.embedded.stack import EmbeddedStack
from tests.integration.world import Stores, World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def world() -> World:
    """Give the night that all tests share."""
    return make_world()


@pytest.fixture(scope="session")
def shared_stack() -> Iterator[EmbeddedStack]:
    """Give a stack whose worker takes small batches, so that a kill finds work in flight.

    The broker gives the partitions of a killed worker away as soon as its session is over.
    """
    flags = {"max-batch": "16", "session-timeout-s": "3"}
    with EmbeddedStack(partitions=4, worker_flags=flags) as stack:
        stack.start_worker()
        yield stack


@pytest.fixture
def stack(shared_stack: EmbeddedStack) -> EmbeddedStack:
    """Give the shared stack with a worker that lives, whatever the test before did to it."""
    if shared_stack.worker is None or shared_stack.worker.poll() is not None:
        shared_stack.start_worker()
    return shared_stack


@pytest.fixture
def stores(stack: EmbeddedStack) -> Iterator[Stores]:
    """Give what is in the shared stack's Redis, which has forgotten all users."""
    opened = Stores.at(stack.redis_url)
    for key in opened.client.scan_iter("*{u:*", count=1000):
        opened.client.delete(key)
    yield opened
    opened.client.close()
