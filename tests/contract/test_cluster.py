"""On a Redis Cluster everything works as on one server; here stands what only a cluster has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import RedisCluster

from data.redis_connection import RedisUnavailableError, connect, explained
from data.user_store import UserStore, UserWrite
from tests.contract.conftest import CLUSTER
from tests.contract.user_writes import WRITTEN, A, shown

if TYPE_CHECKING:
    from data.redis_keys import RedisKeys
    from deploy.embedded.redis_cluster import EmbeddedCluster

pytestmark = pytest.mark.parametrize("server", [CLUSTER], indirect=True)


def test_any_node_leads_to_the_cluster(server: EmbeddedCluster) -> None:
    """Whichever node the URL names, a client of the whole cluster comes out."""
    for node in server.nodes:
        found = connect(node.url)
        assert isinstance(found, RedisCluster)
        assert len(found.get_nodes()) == len(server.nodes)  # type: ignore[no-untyped-call]  # has no types
        found.close()


def test_users_live_on_every_node(
    client: RedisCluster, server: EmbeddedCluster, keys: RedisKeys
) -> None:
    """One call reads and writes users of all nodes, whatever number is asked for in a command."""
    store = UserStore(client, keys, users_per_call=64)
    users = [f"user {number}" for number in range(60)]
    writes = [UserWrite(b"", A, shown(user, A)) for user in users]
    assert set(store.compare_and_set_many(writes)) == {WRITTEN}
    assert [stored.history for stored in store.read_many(users)] == [A] * 60
    sizes = client.dbsize(target_nodes=RedisCluster.PRIMARIES)
    assert sizes == 120
    assert all(
        node.says("DBSIZE", ":") and not node.says("DBSIZE", ":0\r") for node in server.nodes
    )


def test_another_database_is_refused(server: EmbeddedCluster) -> None:
    """A cluster has the database 0 alone, and the error says so."""
    url = server.url.removesuffix("0") + "3"
    with pytest.raises(RedisUnavailableError, match="cluster mode"), explained(url):
        connect(url)
