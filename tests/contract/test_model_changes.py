"""Between two nights: another version, another catalogue; what was taken down stays down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data.catalogue import Catalogue, CatalogueError, Video
from data.frozen_model import ModelVersion
from data.model_changes import activate, roll_back, update_catalogue
from data.model_lock import LostLockError, ModelLock
from data.model_store import ModelStore, ModelStoreError
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

OLD, NEW = ModelVersion("old"), ModelVersion("new")
CATALOGUE = Catalogue(
    Video(id=f"v{n}", title=f"Video {n}", channel="Kitchen", blocked=n == 9) for n in range(20)
)


@pytest.fixture
def lock(client: Client, keys: RedisKeys) -> Iterator[ModelLock]:
    """Give a lock that is held."""
    with ModelLock(client, keys) as held:
        yield held


@pytest.fixture
def store(client: Client, keys: RedisKeys) -> ModelStore:
    """Give a store in which a second version has taken over from a first one."""
    new = ModelStore(client, keys)
    for seed, version in enumerate((OLD, NEW)):
        given = model(seed=seed, blocked=np.arange(40) == 9, metadata={"night": seed})
        new.publish(version, given, CATALOGUE, f'{{"night": {seed}}}'.encode())
        new.activate(version)
    return new


def changes(tmp_path: Path, *rows: dict[str, object]) -> Path:
    """Write a file of changes."""
    file = tmp_path / "changes.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def served(store: ModelStore) -> ModelVersion:
    """Give the version that is served."""
    active = store.current()
    assert active is not None
    return active.version


def blocked(store: ModelStore) -> list[str]:
    """List the videos that the model served never lists."""
    given = store.load(served(store)).model
    return [given.vocabulary.id(row) for row in np.flatnonzero(given.blocked).tolist()]


def test_an_update_is_served_with_the_same_factors(
    store: ModelStore, lock: ModelLock, tmp_path: Path
) -> None:
    """The derived version has the new catalogue and blocks, and all else of the one before."""
    file = changes(
        tmp_path,
        {"id": "v1", "title": "Other"},
        {"id": "v3", "blocked": True},
        {"id": "v9", "blocked": False},
        {"id": "w1", "title": "Quite new"},
    )
    update, active = update_catalogue(store, file, lock)
    assert (update.added, update.changed, update.blocked, update.unblocked) == (1, 3, 1, 1)
    assert str(update) == "1 videos added, 3 changed; 1 blocked, 1 unblocked"
    assert store.current() == active
    before, after = store.load(NEW), store.load(active.version)
    for name in ("item_factors", "gram", "prior", "popularity"):
        np.testing.assert_array_equal(getattr(after.model, name), getattr(before.model, name))
    assert after.model.vocabulary == before.model.vocabulary
    assert blocked(store) == ["v3"]
    assert after.catalogue["v1"] == Video(id="v1", title="Other", channel="Kitchen")
    assert after.catalogue.title("w1") == "Quite new"
    assert after.model.metadata == {"night": 1, "parent": NEW, "derived": "catalogue update"}
    assert store.report(active.version) == store.report(NEW)
    assert store.load(NEW).catalogue == CATALOGUE, "a version never changes"


def test_an_update_without_news_publishes_nothing(
    store: ModelStore, lock: ModelLock, tmp_path: Path
) -> None:
    """A file that says what is known already leaves the version served."""
    update, active = update_catalogue(store, changes(tmp_path, {"id": "v9", "blocked": True}), lock)
    assert (update.changed, active.version) == (0, NEW)
    assert store.versions() == [OLD, NEW]


def test_a_bad_file_changes_nothing(store: ModelStore, lock: ModelLock, tmp_path: Path) -> None:
    """A row that can't be used is named, and the version served stays."""
    file = changes(tmp_path, {"id": "v1", "blocked": True}, {"id": "v2", "blocked": "no"})
    with pytest.raises(CatalogueError, match="line 2"):
        update_catalogue(store, file, lock)
    assert store.versions() == [OLD, NEW]


def test_there_must_be_a_model_to_update(
    client: Client, keys: RedisKeys, lock: ModelLock, tmp_path: Path
) -> None:
    """Before the first night there is nothing to update, and the message says so."""
    with pytest.raises(ModelStoreError, match="No model is served yet"):
        update_catalogue(ModelStore(client, keys), changes(tmp_path, {"id": "v1"}), lock)


def test_a_roll_back_keeps_videos_down(store: ModelStore, lock: ModelLock, tmp_path: Path) -> None:
    """What was taken down after the older model was made is not listed by it, and what is back is.

    The roll back goes to the model before, not to the one before the update.
    """
    file = changes(tmp_path, {"id": "v3", "blocked": True}, {"id": "v9", "blocked": False})
    update_catalogue(store, file, lock)
    done = roll_back(store, lock)
    assert done.wanted == OLD
    assert done.active == store.current()
    assert blocked(store) == ["v3"]
    derived = store.load(done.active.version)
    assert derived.model.metadata["parent"] == OLD
    np.testing.assert_array_equal(derived.model.item_factors, store.load(OLD).model.item_factors)
    assert derived.catalogue["v3"].blocked
    with pytest.raises(ModelStoreError, match="nothing to roll back to"):
        roll_back(store, lock)


def test_so_does_an_activation(store: ModelStore, lock: ModelLock, tmp_path: Path) -> None:
    """A version that is chosen by hand lists nothing that was taken down since."""
    update_catalogue(store, changes(tmp_path, {"id": "v3", "blocked": True}), lock)
    done = activate(store, OLD, lock)
    assert (done.wanted, done.active.version) == (OLD, served(store))
    assert blocked(store) == ["v3", "v9"]


def test_with_the_same_blocks_the_version_itself_is_served(
    store: ModelStore, lock: ModelLock, tmp_path: Path
) -> None:
    """When no block differs nothing is derived, whatever happened to titles."""
    update_catalogue(store, changes(tmp_path, {"id": "v3", "title": "Other"}), lock)
    assert roll_back(store, lock).active.version == served(store) == OLD


def test_a_block_without_a_catalogue_entry_stays(
    client: Client, keys: RedisKeys, lock: ModelLock, tmp_path: Path
) -> None:
    """A video that was blocked by the night, and of which no catalogue tells, stays blocked."""
    store = ModelStore(client, keys)
    store.publish(OLD, model(blocked=np.arange(40) == 30), CATALOGUE)
    store.activate(OLD)
    update_catalogue(store, changes(tmp_path, {"id": "v3", "blocked": True}), lock)
    assert blocked(store) == ["v3", "v9", "v30"]


def test_a_damaged_model_can_be_rolled_back_from(
    store: ModelStore, client: Client, keys: RedisKeys, lock: ModelLock
) -> None:
    """When the version served is damaged, the one before is served, with a word on that."""
    client.delete(keys.chunk(NEW, "catalogue", 0))
    done = roll_back(store, lock)
    assert "incomplete" in done.unread
    assert served(store) == OLD


def test_a_lost_lock_changes_nothing(
    store: ModelStore, client: Client, keys: RedisKeys, lock: ModelLock, tmp_path: Path
) -> None:
    """Whoever lost the lock neither updates nor rolls back."""
    client.set(keys.fence, "another")
    for change in (
        lambda: update_catalogue(store, changes(tmp_path, {"id": "w"}), lock),
        lambda: roll_back(store, lock),
    ):
        with pytest.raises(LostLockError):
            change()
    assert served(store) == NEW
    assert store.versions() == [OLD, NEW]
