"""Every server that is there, and a cluster of three: each with the same suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.model_lock import ModelLock
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from deploy.embedded.redis_cluster import EmbeddedCluster
from deploy.embedded.redis_server import EmbeddedRedis, available_servers
from tests.contract.lock_holder import TTL_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data.redis_connection import Client


CLUSTER = "cluster"


@pytest.fixture(scope="session", params=[*available_servers(), CLUSTER])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedRedis | EmbeddedCluster]:
    """Give a running server, one kind after the other, and at last a cluster."""
    if request.param == CLUSTER:
        with EmbeddedCluster() as cluster:
            yield cluster
    else:
        with EmbeddedRedis(prefer=request.param) as running:
            yield running


@pytest.fixture
def client(server: EmbeddedRedis | EmbeddedCluster) -> Iterator[Client]:
    """Give a connection to an empty server that does not know our scripts."""
    connection = connect(server.url)
    connection.flushall()
    connection.script_flush()
    yield connection
    connection.close()


@pytest.fixture
def keys() -> RedisKeys:
    """Give the key schema under a prefix of the tests' own."""
    return RedisKeys("test")


@pytest.fixture
def lock(client: Client, keys: RedisKeys) -> ModelLock:
    """Give a lock that is quick to run out."""
    return ModelLock(client, keys, ttl_s=TTL_S)
