"""A Redis that may drop the model, or can't hold it, is refused; one that fails is left tidy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_parts import ModelParts
from data.model_store import ModelStore, ModelStoreError
from data.redis_connection import server_of
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

ONE, TWO = ModelVersion("one"), ModelVersion("two")
MIB = 2**20
BIG = model(40_000, 64, follow_ups=None)  # 10 MiB


@pytest.fixture
def holder(client: Client, keys: RedisKeys) -> redis.Redis:
    """Give the one server that keeps the models."""
    return server_of(client, keys.current)


@pytest.fixture
def store(client: Client, keys: RedisKeys, holder: redis.Redis) -> Iterator[ModelStore]:
    """Give a store in which a small version is served; the server's limits are undone later."""
    new = ModelStore(client, keys)
    new.publish(ONE, model(), Catalogue())
    new.activate(ONE)
    yield new
    holder.config_set("maxmemory", 0)
    holder.config_set("maxmemory-policy", "noeviction")


def limit(server: redis.Redis, free: int, policy: str = "noeviction") -> None:
    """Leave the server so many bytes."""
    server.config_set("maxmemory-policy", policy)
    server.config_set("maxmemory", int(server.info("memory")["used_memory"]) + free)


def names(client: Client) -> list[bytes]:
    """List all keys."""
    return sorted(client.scan_iter())


def test_a_redis_that_may_drop_the_model_is_refused(
    store: ModelStore, client: Client, holder: redis.Redis
) -> None:
    """Under an allkeys policy nothing is written, and the message says which setting to change."""
    before = names(client)
    limit(holder, 100 * MIB, "allkeys-lru")
    with pytest.raises(ModelStoreError, match=r"maxmemory-policy is allkeys-lru\. Set it to vol"):
        store.publish(TWO, BIG, Catalogue())
    assert names(client) == before


@pytest.mark.parametrize("policy", ["noeviction", "volatile-ttl", "volatile-lru"])
def test_a_redis_that_keeps_models_will_do(
    store: ModelStore, holder: redis.Redis, policy: str
) -> None:
    """With room enough and any other policy the model is published."""
    limit(holder, 100 * MIB, policy)
    store.publish(TWO, model(seed=2), Catalogue())
    assert store.versions() == [ONE, TWO]


def test_an_allkeys_policy_without_a_limit_drops_nothing(
    store: ModelStore, holder: redis.Redis
) -> None:
    """As long as maxmemory is 0, the policy does not matter."""
    holder.config_set("maxmemory-policy", "allkeys-lru")
    store.publish(TWO, model(seed=2), Catalogue())
    assert store.versions() == [ONE, TWO]


def test_a_redis_that_is_too_small_is_refused(
    store: ModelStore, client: Client, holder: redis.Redis
) -> None:
    """Nothing is written, and the message says how much room is lacking."""
    before = names(client)
    limit(holder, 5 * MIB)
    with pytest.raises(ModelStoreError, match=r"lacks [67]\.\d MiB for this model: it takes 10"):
        store.publish(TWO, BIG, Catalogue())
    assert names(client) == before


def test_a_redis_that_fills_up_is_left_tidy(
    store: ModelStore,
    client: Client,
    holder: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When others take the room while the model is written, all of it is taken out again."""
    before = names(client)
    monkeypatch.setattr(ModelParts, "check_room", lambda *_: limit(holder, 5 * MIB))
    with pytest.raises(OutOfMemoryError):
        store.publish(TWO, BIG, Catalogue())
    assert names(client) == before
    assert store.load(ONE).model.n_items == 40


def test_a_redis_that_goes_away_is_swept_later(store: ModelStore, client: Client) -> None:
    """What a lost connection left of a version is invisible, and `sweep` deletes it."""
    before = names(client)

    def lose(*_: object) -> None:
        raise RedisConnectionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelParts, "_compare", lose)
        patch.setattr(ModelParts, "delete", lose)
        with pytest.raises(RedisConnectionError):
            store.publish(TWO, BIG, Catalogue())
    assert len(names(client)) > len(before)
    assert store.versions() == [ONE]
    assert store.sweep() == [TWO]
    assert names(client) == before


def test_a_redis_that_alters_what_it_is_told_is_found_out(
    store: ModelStore, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that is not given back as it was written ends the publishing; nothing is left."""
    before = names(client)
    told = ModelParts.fenced

    def alter(parts: ModelParts, *arguments: object) -> object:
        answer = told(parts, *arguments)  # type: ignore[arg-type]  # passed on
        for name in client.scan_iter("*:two:model:0"):
            client.setrange(name, 100, "?")
        return answer

    monkeypatch.setattr(ModelParts, "fenced", alter)
    with pytest.raises(ModelStoreError, match=re.escape("under key test:{model}:two:model:0")):
        store.publish(TWO, model(seed=2), Catalogue())
    assert names(client) == before


def test_publishing_again_needs_no_room(store: ModelStore, holder: redis.Redis) -> None:
    """A version that is there already is written over itself."""
    limit(holder, MIB // 2)
    store.publish(ONE, model(), Catalogue())
    assert store.verify(ONE).version == ONE


def test_the_report_travels_with_the_model(store: ModelStore) -> None:
    """The night's report comes back as it was given; a version without one has an empty one."""
    store.publish(TWO, model(seed=2), Catalogue(), b'{"verdict": "published"}')
    assert store.report(TWO) == b'{"verdict": "published"}'
    assert store.report(ONE) == b""
    assert store.manifest(TWO).parts.keys() == {"model", "catalogue", "report"}
