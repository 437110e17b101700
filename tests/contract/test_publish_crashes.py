"""A publisher that is killed, before any of its commands, leaves what is served as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data import manifest
from data.model_store import ModelStore
from deploy.embedded.redis_server import available_servers
from tests.builders import model
from tests.contract.crashing_publisher import (
    CATALOGUE,
    CHUNK_BYTES,
    ITEMS,
    KEYS,
    NEW,
    NEXT,
    OLD,
    night,
    publisher,
)

if TYPE_CHECKING:
    from data.frozen_model import ModelVersion
    from data.redis_connection import Client
    from deploy.embedded.redis_server import EmbeddedRedis

MOST = 500  # far more packets than a night sends


def serving(client: Client) -> str:
    """Load what the pointer names, as a worker would, and give its name."""
    store = ModelStore(client, KEYS)
    active = store.current()
    assert active is not None
    loaded = store.load(active.version)
    assert loaded.model.n_items == ITEMS[active.version]
    return active.version


def versions_are_whole(client: Client) -> list[ModelVersion]:
    """Verify every version that is listed, and give their names."""
    store = ModelStore(client, KEYS)
    for version in store.versions():
        store.verify(version)
    return store.versions()


def keys_of(client: Client, versions: list[ModelVersion]) -> set[bytes]:
    """Give the keys that there are to be with these versions."""
    names = {KEYS.current, KEYS.activations, KEYS.versions, KEYS.fence, KEYS.popular}
    for version in versions:
        names.add(KEYS.manifest(version))
        for part, count in ModelStore(client, KEYS).manifest(version).chunk_counts.items():
            names |= {KEYS.chunk(version, part, number) for number in range(count)}
    return {name.encode() for name in names}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("server", [*available_servers()][:1], indirect=True)  # all do the same
def test_a_crash_at_any_step_does_no_harm(
    client: Client, server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its n-th packet, for every n, it leaves the old or the new version served.

    Every listed version is whole, and the next night succeeds and leaves no key that belongs to
    none.
    """
    monkeypatch.setattr(manifest, "CHUNK_BYTES", CHUNK_BYTES)
    served = []
    with publisher(server.url) as run:
        for number in range(1, MOST):
            client.flushall()
            store = ModelStore(client, KEYS)
            store.publish(OLD, model(), CATALOGUE)
            store.activate(OLD)
            ended = run(number)
            served.append(serving(client))
            assert served[-1] in versions_are_whole(client)
            client.delete(KEYS.lock)  # which would run out by itself
            night(client, NEXT)
            assert serving(client) == NEXT
            assert set(client.scan_iter()) == keys_of(client, versions_are_whole(client)), number
            if ended == "done":
                break
    assert ended == "done"
    assert len(served) > 30
    assert set(served) == {OLD, NEW}
