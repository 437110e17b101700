"""A version is whole or refused, and the pointer only ever moves forward."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from data import manifest
from data.catalogue import Catalogue, Video
from data.frozen_model import ModelVersion
from data.manifest import CHUNK_BYTES
from data.model_store import Active, ModelStore, ModelStoreError
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Callable

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

ONE, TWO = ModelVersion("20240101T000000Z-one"), ModelVersion("20240102T000000Z-two")
CATALOGUE = Catalogue([Video(id=f"v{n}", title=f"Vidéo {n}") for n in range(5)])


@pytest.fixture
def store(client: Client, keys: RedisKeys, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """Give a store with small chunks, in which one version is published and active."""
    monkeypatch.setattr(manifest, "CHUNK_BYTES", 1_000)
    new = ModelStore(client, keys)
    new.publish(ONE, model(seed=1, metadata={"night": 1}), CATALOGUE)
    new.activate(ONE)
    return new


def test_nothing_is_active_at_first(client: Client, keys: RedisKeys) -> None:
    """An empty Redis has no current model and no versions."""
    empty = ModelStore(client, keys)
    assert empty.current() is None
    assert empty.versions() == []


def test_load_gives_what_was_published(store: ModelStore) -> None:
    """A loaded version is the published one to the bit, with its catalogue."""
    loaded = store.load(ONE)
    assert loaded.model.to_bytes() == model(seed=1, metadata={"night": 1}).to_bytes()
    assert dict(loaded.catalogue) == dict(CATALOGUE) == dict(store.catalogue(ONE))


def test_a_worker_gets_what_serves(store: ModelStore) -> None:
    """What a worker reads is whitened already; whoever loads the model can't overwrite it."""
    expected = store.load(ONE).model.whitened
    for one, other in zip(store.served(ONE).whitened, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not store.load(ONE).model.item_factors.flags.writeable


def test_manifest_tells_shape_and_parts(store: ModelStore) -> None:
    """The manifest names version, shape, sizes and metadata, for people and other languages."""
    manifest = store.manifest(ONE)
    assert (manifest.version, manifest.shape) == (ONE, (40, 6))
    assert manifest.metadata == {"night": 1}
    assert manifest.parts["model"].size == len(store.load(ONE).model.to_bytes())
    assert len(manifest.parts["model"].chunks) > 1


def test_publishing_activates_nothing(store: ModelStore) -> None:
    """A new version lies beside the active one until it is activated."""
    store.publish(TWO, model(seed=2), CATALOGUE)
    assert served(store) == ONE
    assert store.versions() == [ONE, TWO]


def test_publishing_again_changes_nothing(store: ModelStore, client: Client) -> None:
    """Publishing the same version again leaves the same bytes under the same keys."""
    names = sorted(name for name in client.scan_iter(type="string"))
    before = client.mget(names)
    store.publish(ONE, model(seed=1, metadata={"night": 1}), CATALOGUE)
    assert sorted(name for name in client.scan_iter(type="string")) == names
    assert client.mget(names) == before


def test_every_activation_counts(store: ModelStore) -> None:
    """Each activation raises the number: of a new version, a roll back, the same again."""
    store.publish(TWO, model(seed=2), CATALOGUE)
    first = store.current()
    activations = [store.activate(version) for version in (TWO, ONE, ONE, TWO)]
    numbers = [active.activation for active in (first, *activations) if active]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 5
    assert [active.version for active in activations] == [TWO, ONE, ONE, TWO]
    assert store.current() == activations[-1]


def test_number_rises_though_the_clock_went_back(
    store: ModelStore, client: Client, keys: RedisKeys
) -> None:
    """A pointer with a number from the far future is followed by the next number."""
    client.set(keys.current, f"900719925474000 {ONE}")
    assert store.activate(ONE) == Active(900719925474001, ONE)


def test_number_rises_though_redis_forgot_everything(store: ModelStore, client: Client) -> None:
    """After Redis lost its data, the first activation has a higher number than any before."""
    before = store.current()
    client.flushall()
    store.publish(ONE, model(seed=1), CATALOGUE)
    assert before is not None
    assert store.activate(ONE).activation > before.activation


def served(store: ModelStore) -> str | None:
    """Give the version that the pointer names."""
    active = store.current()
    return active.version if active else None


def _rewrite_manifest(change: dict[str, Any]) -> Callable[[Client, RedisKeys], object]:
    def damage(client: Client, keys: RedisKeys) -> None:
        value = client.get(keys.manifest(TWO))
        assert isinstance(value, bytes)
        client.set(keys.manifest(TWO), json.dumps(json.loads(value) | change))

    return damage


def _cut_parts(client: Client, keys: RedisKeys) -> None:
    value = client.get(keys.manifest(TWO))
    assert isinstance(value, bytes)
    fields = json.loads(value)
    del fields["parts"]["model"]
    client.set(keys.manifest(TWO), json.dumps(fields))


def _flip(client: Client, name: str, place: int) -> None:
    value = client.get(name)
    assert isinstance(value, bytes)
    client.setrange(name, place, bytes([value[place] ^ 1]).decode("latin-1"))


def _swap_chunks(client: Client, keys: RedisKeys) -> None:
    first, second = (keys.chunk(TWO, "model", number) for number in (0, 1))
    aside = keys.chunk(TWO, "aside", 0)
    client.rename(first, aside)
    client.rename(second, first)
    client.rename(aside, second)


def _manifest_of_the_other(client: Client, keys: RedisKeys) -> None:
    client.copy(keys.manifest(ONE), keys.manifest(TWO), replace=True)


DAMAGES: dict[str, Callable[[Client, RedisKeys], object]] = {
    "no manifest": lambda client, keys: client.delete(keys.manifest(TWO)),
    "no first chunk": lambda client, keys: client.delete(keys.chunk(TWO, "model", 0)),
    "no last chunk": lambda client, keys: client.delete(keys.chunk(TWO, "model", 1)),
    "no catalogue": lambda client, keys: client.delete(keys.chunk(TWO, "catalogue", 0)),
    "flipped byte": lambda client, keys: _flip(client, keys.chunk(TWO, "model", 1), 7),
    "flipped byte of titles": lambda c, keys: _flip(c, keys.chunk(TWO, "catalogue", 0), 99),
    "longer chunk": lambda client, keys: client.append(keys.chunk(TWO, "model", 1), "x"),
    "empty chunk": lambda client, keys: client.set(keys.chunk(TWO, "model", 0), ""),
    "swapped chunks": _swap_chunks,
    "wrong shape": _rewrite_manifest({"shape": [41, 6]}),
    "no parts": _rewrite_manifest({"parts": {}}),
    "one part less": _cut_parts,
    "format of tomorrow": _rewrite_manifest({"format": 2}),
    "manifest of another version": _manifest_of_the_other,
    "broken manifest": lambda client, keys: client.set(keys.manifest(TWO), "{"),
    "empty manifest": lambda client, keys: client.set(keys.manifest(TWO), ""),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_version_is_refused(
    store: ModelStore,
    client: Client,
    keys: RedisKeys,
    damage: Callable[[Client, RedisKeys], object],
) -> None:
    """With anything missing or wrong a version is neither activated nor loaded."""
    store.publish(TWO, model(seed=2), CATALOGUE)
    damage(client, keys)
    with pytest.raises(ModelStoreError, match=TWO):
        store.activate(TWO)
    with pytest.raises(ModelStoreError, match=TWO):
        store.load(TWO)
    assert served(store) == ONE
    assert store.load(ONE).model.n_items == 40


def test_version_that_never_was_is_refused(store: ModelStore) -> None:
    """A version that nobody published can't be activated, and the error names the missing key."""
    with pytest.raises(ModelStoreError, match="manifest is missing"):
        store.activate(ModelVersion("never"))
    assert served(store) == ONE


def test_error_names_the_damaged_key(store: ModelStore, client: Client, keys: RedisKeys) -> None:
    """The error says which key is wrong, so that a person can look at it."""
    name = keys.chunk(ONE, "model", 1)
    _flip(client, name, 0)
    with pytest.raises(ModelStoreError, match=f"{name}.* SHA-256"):
        store.load(ONE)


def test_chunk_lost_during_activation_keeps_the_pointer(
    store: ModelStore, client: Client, keys: RedisKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a chunk goes between the check and the move, the move does not happen."""
    checked = store.publish(TWO, model(seed=2), CATALOGUE), model(seed=2)
    client.delete(keys.chunk(TWO, "model", 0))
    monkeypatch.setattr(store, "_verified", lambda _: checked)
    with pytest.raises(ModelStoreError, match="publish it again"):
        store.activate(TWO)
    assert served(store) == ONE


def test_big_model_goes_over_in_chunks(client: Client, keys: RedisKeys) -> None:
    """A model of several chunks comes back whole, and no key is larger than a chunk."""
    store = ModelStore(client, keys)
    big = model(40_000, 64)
    manifest = store.publish(ONE, big, CATALOGUE)
    count = len(manifest.parts["model"].chunks)
    assert count >= 3
    sizes = [client.strlen(keys.chunk(ONE, "model", number)) for number in range(count)]
    assert max(sizes) == CHUNK_BYTES
    assert sum(sizes) == manifest.parts["model"].size
    store.activate(ONE)
    np.testing.assert_array_equal(store.load(ONE).model.item_factors, big.item_factors)


def test_two_installations_do_not_meet(store: ModelStore, client: Client, keys: RedisKeys) -> None:
    """Under another prefix nothing of this one is to be seen."""
    other = ModelStore(client, keys._replace(prefix="other"))
    assert other.current() is None
    assert other.versions() == []
    with pytest.raises(ModelStoreError):
        other.load(ONE)
