"""Publishing names a version by its content, and makes it the one that is served."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from batch_training.publish import publish
from data import model_store
from data.catalogue import Catalogue, Video
from data.manifest import Part
from data.model_store import ModelStore, ModelStoreError
from tests.builders import model

if TYPE_CHECKING:
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

CATALOGUE = Catalogue([Video(id="v1", title="One")])
BUILT = datetime(2024, 5, 1, 2, 30, tzinfo=UTC)


def test_a_published_model_is_served(client: Client, keys: RedisKeys) -> None:
    """The version bears time and content, is active, and loads as the model that was given."""
    store, given = ModelStore(client, keys), model(metadata={"night": 1})
    active = publish(given, CATALOGUE, store, BUILT)
    assert active.version.startswith("20240501T023000Z-")
    assert store.current() == active
    loaded = store.load(active.version)
    assert loaded.model.to_bytes() == given.to_bytes()
    assert dict(loaded.catalogue) == dict(CATALOGUE)


def test_a_later_model_takes_over(client: Client, keys: RedisKeys) -> None:
    """A second model gets a version and an activation of its own; the first one stays whole."""
    store = ModelStore(client, keys)
    first, second = (publish(model(seed=seed), CATALOGUE, store, BUILT) for seed in (1, 2))
    assert second.version != first.version
    assert second.activation > first.activation
    assert store.current() == second
    store.verify(first.version)


def test_a_model_that_arrives_damaged_is_not_served(
    client: Client, keys: RedisKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Redis gives back something else than was written, the pointer stays where it was."""
    store = ModelStore(client, keys)
    before = publish(model(seed=1), CATALOGUE, store, BUILT)
    wrong = "0" * 64
    monkeypatch.setattr(model_store, "describe", lambda blob: Part(len(blob), (wrong,)))
    with pytest.raises(ModelStoreError, match="SHA-256"):
        publish(model(seed=2), CATALOGUE, store, BUILT)
    assert store.current() == before
