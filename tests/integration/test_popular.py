"""A worker that starts and can't load the model lists what is popular, until it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stream_inference.hot_swap import HotSwap
from stream_inference.recommend import news_of
from stream_inference.write_back import write_back
from tests.builders import event, interaction
from tests.integration.world import Stores, World, activate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from data.frozen_model import ModelVersion
    from data.redis_connection import Client
    from data.up_next import UpNext
    from deploy.embedded.stack import EmbeddedStack

PREFIX = "started"
MODEL = f"{PREFIX}:{{model}}"
SEEN = ["v0", "v1", "v2"]


@pytest.fixture
def apart(stack: EmbeddedStack) -> Iterator[Stores]:
    """Give stores under a prefix that no worker looks at."""
    opened = Stores.at(stack.redis_url, PREFIX)
    for key in opened.client.scan_iter(f"{PREFIX}:*"):
        opened.client.delete(key)
    yield opened
    opened.client.close()


def _flip(client: Client, version: ModelVersion) -> None:
    client.setrange(f"{MODEL}:{version}:model:0", 1_000, b"?????")


def _lose_chunk(client: Client, version: ModelVersion) -> None:
    client.delete(f"{MODEL}:{version}:model:0")


def _lose_all(client: Client, version: ModelVersion) -> None:
    for key in client.scan_iter(f"{MODEL}:{version}:*"):
        client.delete(key)


def _of_tomorrow(client: Client, version: ModelVersion) -> None:
    manifest = client.get(f"{MODEL}:{version}:manifest")
    assert isinstance(manifest, bytes)
    newer = manifest.replace(b'"format":1', b'"format":99')
    assert newer != manifest
    client.set(f"{MODEL}:{version}:manifest", newer)


def _no_pointer(client: Client, _: ModelVersion) -> None:
    client.set(f"{MODEL}:current", "nonsense")


DAMAGES: list[Callable[[Client, ModelVersion], None]]
DAMAGES = [_flip, _lose_chunk, _lose_all, _of_tomorrow, _no_pointer]


def listed(apart: Stores, swap: HotSwap, kind: str = "watch") -> UpNext:
    """Let a user do the same with some videos, and give the list that comes of it."""
    news = news_of(interaction(event(video, kind)) for video in SEEN)
    write_back(apart.users, swap.serving or swap.popular, news, 5)
    (shown,) = apart.users.read_lists(["u"])
    assert shown is not None
    return shown


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_worker_that_cannot_load_the_model(
    apart: Stores, world: World, damage: Callable[[Client, ModelVersion], None]
) -> None:
    """It lists the popular videos and keeps the history; the next model makes a personal list."""
    active = activate(apart, world.model)
    damage(apart.client, active.version)
    swap = HotSwap(apart.models)
    assert not swap.poll()
    assert swap.serving is None
    assert swap.trouble

    shown = listed(apart, swap)
    ids, popularity = world.model.vocabulary.ids, world.model.cold_scores
    best = sorted(range(len(ids)), key=lambda row: (-popularity[row], row))
    assert [item.id for item in shown.items] == [ids[r] for r in best if ids[r] not in SEEN][:5]
    assert (shown.version, shown.activation, shown.personal) == (active.version, 0, False)
    (stored,) = apart.users.read_many(["u"])
    assert sorted(stored.history.videos) == SEEN

    later = activate(apart, world.other)
    assert swap.poll()
    assert swap.trouble == ""
    shown = listed(apart, swap)
    assert (shown.activation, shown.personal) == (later.activation, True)


def test_a_list_of_a_model_is_not_replaced(apart: Stores, world: World) -> None:
    """A personal list that stands already stays; the history goes on behind it."""
    active = activate(apart, world.model)
    first = HotSwap(apart.models)
    assert first.poll()
    personal = listed(apart, first)
    _flip(apart.client, active.version)
    second = HotSwap(apart.models)
    assert not second.poll()
    assert listed(apart, second, "like") == personal
    (stored,) = apart.users.read_many(["u"])
    assert stored.lags


@pytest.mark.parametrize("value", [b"", b"{", b'{"items": 7}', None])
def test_no_popular_videos(apart: Stores, world: World, value: bytes | None) -> None:
    """Where there are none that can be read, the list is empty, and nothing fails."""
    active = activate(apart, world.model)
    _lose_all(apart.client, active.version)
    apart.client.delete(f"{MODEL}:popular")
    if value is not None:
        apart.client.set(f"{MODEL}:popular", value)
    swap = HotSwap(apart.models)
    assert not swap.poll()
    shown = listed(apart, swap)
    assert (shown.version, shown.activation, shown.items) == ("", 0, ())
