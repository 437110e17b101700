"""What a roll back goes to, and what may be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_store import ModelStore
from tests.builders import model

if TYPE_CHECKING:
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

A, B, C, D = (ModelVersion(letter) for letter in "abcd")


@pytest.fixture
def store(client: Client, keys: RedisKeys) -> ModelStore:
    """Give a store with four versions, none of them active."""
    new = ModelStore(client, keys)
    for seed, version in enumerate((A, B, C, D)):
        new.publish(version, model(seed=seed), Catalogue())
    return new


def serve(store: ModelStore, *versions: ModelVersion) -> None:
    """Activate versions one after the other."""
    for version in versions:
        store.activate(version)


def back(store: ModelStore) -> ModelVersion | None:
    """Roll back as the command does, without a look at catalogues; tells to which version."""
    previous = store.previous()
    if previous is None:
        return None
    return store.activate(previous.version, undo=previous).version


def test_nothing_to_roll_back_to_at_first(store: ModelStore) -> None:
    """Before the second activation there is no previous version."""
    assert store.previous() is None
    serve(store, A, A)
    assert store.previous() is None


def test_rolling_back_goes_back_step_by_step(store: ModelStore) -> None:
    """Each roll back goes one step further back, and never forth; then there is nothing left."""
    serve(store, A, B, C)
    assert [back(store) for _ in range(3)] == [B, A, None]
    assert store.current() is not None


def test_what_was_rolled_back_is_not_gone_to_again(store: ModelStore) -> None:
    """After a roll back and a new night, a roll back goes past what was rolled back before."""
    serve(store, A, B)
    assert back(store) == A
    serve(store, C)
    assert [back(store), back(store)] == [A, None]


def test_forth_again_is_an_activation(store: ModelStore) -> None:
    """Whoever activates by hand what was rolled back can roll that back, too."""
    serve(store, A, B)
    back(store)
    serve(store, B)
    assert back(store) == A


def test_activating_twice_is_one_step(store: ModelStore) -> None:
    """The same version served twice in a row is not gone back to."""
    serve(store, A, B, B, B)
    assert back(store) == A


def test_what_replaces_a_version_takes_its_place(store: ModelStore) -> None:
    """A version that replaces the current one is rolled back to what was before that one."""
    serve(store, A, B)
    store.activate(C, undo=store.current())
    assert back(store) == A


def test_deleted_versions_are_passed_over(
    store: ModelStore, client: Client, keys: RedisKeys
) -> None:
    """A roll back goes to the latest version that is still there."""
    serve(store, A, B, C)
    client.delete(keys.manifest(B))
    assert back(store) == A


def test_a_pointer_of_an_older_release_can_be_rolled_back_to(
    store: ModelStore, client: Client, keys: RedisKeys
) -> None:
    """A version that was served when nobody wrote activations down counts as one of them."""
    client.set(keys.current, f"1700000000000 {A}")
    serve(store, B)
    assert back(store) == A


def test_the_list_of_activations_is_bounded(
    store: ModelStore, client: Client, keys: RedisKeys
) -> None:
    """The newest hundred are kept."""
    client.rpush(keys.activations, *(f"{n} {A}" for n in range(200, 0, -1)))
    serve(store, B)
    assert client.llen(keys.activations) == 100
    assert back(store) == A


def names(client: Client, version: str) -> list[bytes]:
    """List the keys of a version."""
    return list(client.scan_iter(f"test:{{model}}:{version}:*"))


def test_pruning_keeps_the_newest(store: ModelStore, client: Client) -> None:
    """The newest are kept, of the others not a key is left."""
    serve(store, D)
    assert store.prune(2) == [A, B]
    assert store.versions() == [C, D]
    assert names(client, A) == names(client, B) == []
    assert store.verify(C).version == C


@pytest.mark.parametrize(
    ("served", "in_use", "deleted"),
    [
        ((A,), set(), [B, C]),
        ((A, B), set(), [C]),
        ((D,), {A, None}, [B, C]),
        ((A, D), {B, "unheard of"}, [C]),
    ],
)
def test_pruning_spares_what_is_needed(
    store: ModelStore,
    served: tuple[ModelVersion, ...],
    in_use: set[str | None],
    deleted: list[ModelVersion],
) -> None:
    """The served version, the one before it, and what workers report is never deleted."""
    serve(store, *served)
    assert store.prune(1, in_use) == deleted
    assert store.current() is not None


def test_pruning_more_than_there_is_does_nothing(store: ModelStore) -> None:
    """With fewer versions than are to be kept, all stay."""
    assert store.prune(9) == []
    assert len(store.versions()) == 4


def test_pruning_passes_over_what_it_cannot_read(
    store: ModelStore, client: Client, keys: RedisKeys
) -> None:
    """A version with a damaged manifest stays for a look, and the others are deleted."""
    serve(store, D)
    client.set(keys.manifest(A), "{")
    assert store.prune(1) == [B, C]
    assert store.versions() == [A, D]


def test_what_is_served_is_never_deleted(
    store: ModelStore, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is activated while others are pruned stays whole."""
    serve(store, D)
    stale = store.current()
    serve(store, A)
    monkeypatch.setattr(store, "current", lambda: stale)
    monkeypatch.setattr(store, "previous", lambda: None)
    assert store.prune(1) == [B, C]
    assert store.verify(A).version == A


def test_sweeping_leaves_what_is_whole(store: ModelStore, client: Client, keys: RedisKeys) -> None:
    """Only what was begun and not finished is deleted."""
    client.hset(keys.unfinished, "half", '{"model": 2}')
    client.set(keys.chunk("half", "model", 1), "x")
    assert store.sweep() == ["half"]
    assert names(client, "half") == []
    assert store.sweep() == []
    assert [store.verify(version).version for version in store.versions()] == [A, B, C, D]
