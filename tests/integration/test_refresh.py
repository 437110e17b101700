"""The refresh alone against a real Redis: what it fills, heals, leaves alone and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.frozen_model import ModelVersion
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.up_next import up_next
from data.user_history import UserHistory
from data.user_store import UserStore
from deploy.embedded.redis_server import EmbeddedRedis
from stream_inference.recommend import Serving, news_of
from stream_inference.refresh import BATCH, Refreshed, refresh
from stream_inference.write_back import write_back
from tests.builders import NOW_MS, event, history, interaction, model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data.redis_connection import Client


KEYS = RedisKeys("test")
MODEL = model()
NIGHT = [
    (f"user {n}", history([event(f"v{n % 40}", at=NOW_MS + n), event("v7", "like", at=NOW_MS)]))
    for n in range(BATCH + 44)
]
EVERYBODY = len(NIGHT)


def serving(activation: int = 1) -> Serving:
    """Give the model under an activation."""
    return Serving(MODEL, ModelVersion("some version"), activation)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    """Give a Redis that nobody else uses."""
    with EmbeddedRedis() as running:
        yield running


@pytest.fixture
def client(server: EmbeddedRedis) -> Iterator[Client]:
    """Give a connection to an empty server."""
    connection = connect(server.url)
    connection.flushall()
    yield connection
    connection.close()


@pytest.fixture
def store(client: Client) -> UserStore:
    """Give the users of an empty server."""
    return UserStore(client, KEYS)


def watch(store: UserStore, user: str, video: str, activation: int = 1) -> None:
    """Let a worker reflect one live event."""
    live = interaction(event(video, user=user, at=NOW_MS + 1_000_000))
    write_back(store, serving(activation), news_of([live]))


def bodies(client: Client) -> list[bytes]:
    """Read the histories of everybody, without their headers."""
    values = client.mget([KEYS.history(user) for user, _ in NIGHT])
    return [value[32:] for value in values if isinstance(value, bytes)]


def check_all(store: UserStore, activation: int = 1, length: int = 20) -> None:
    """Every state is the night's, and every list is what the model makes of it."""
    users, known = map(list, zip(*NIGHT, strict=True))
    assert [stored.history for stored in store.read_many(users)] == known
    version = serving().version
    expected = [
        up_next(MODEL, [u], [h], version=version, activation=activation, length=length)[0]
        for u, h in NIGHT
    ]
    assert store.read_lists(users) == expected


def test_empty_redis_is_filled(store: UserStore) -> None:
    """Everybody gets state and list, and the count of users grows batch by batch."""
    told: list[int] = []
    assert refresh(store, serving(), NIGHT, told.append) == Refreshed(EVERYBODY, 0, 0, 0)
    assert told == [BATCH, EVERYBODY]
    check_all(store)


def test_second_refresh_writes_nothing(store: UserStore, client: Client) -> None:
    """Who has the list already is left alone, and counted all the same."""
    refresh(store, serving(), NIGHT)
    written = client.info("commandstats")["cmdstat_set"]["calls"]
    told: list[int] = []
    assert refresh(store, serving(), NIGHT, told.append) == Refreshed(0, EVERYBODY, 0, 0)
    assert told == [BATCH, EVERYBODY]
    assert client.info("commandstats")["cmdstat_set"]["calls"] == written


def test_activation_changes_the_list_only(store: UserStore, client: Client) -> None:
    """A later activation gives everybody a new list; histories keep their bytes."""
    refresh(store, serving(), NIGHT)
    before = bodies(client)
    assert refresh(store, serving(2), NIGHT) == Refreshed(EVERYBODY, 0, 0, 0)
    assert bodies(client) == before
    check_all(store, activation=2)


def test_lost_data_is_healed(store: UserStore, client: Client) -> None:
    """Who is gone, lost older videos, or lost the list alone, is whole again; others stay as is."""
    refresh(store, serving(), NIGHT)
    client.delete(KEYS.history("user 3"), KEYS.up_next("user 3"))
    client.delete(KEYS.history("user 4"))
    client.delete(KEYS.up_next("user 6"))
    client.delete(KEYS.history("user 5"))
    watch(store, "user 5", "v30")
    done = refresh(store, serving(), NIGHT)
    assert done == Refreshed(4, EVERYBODY - 4, 0, 0)
    (five,) = store.read_many(["user 5"])
    assert five.history.videos == [*NIGHT[5][1].videos, "v30"]
    client.delete(KEYS.history("user 5"))
    refresh(store, serving(), NIGHT)
    check_all(store)


def test_live_event_since_then_wins(store: UserStore) -> None:
    """What the night doesn't know yet stays in the state, and isn't listed."""
    watch(store, "user 8", "v39")
    refresh(store, serving(2), NIGHT)
    (eight,), (shown,) = store.read_many(["user 8"]), store.read_lists(["user 8"])
    assert eight.history.videos == [*NIGHT[8][1].videos, "v39"]
    assert shown is not None
    assert (shown.at, shown.activation) == (NOW_MS + 1_000_000, 2)
    assert "v39" not in [item.id for item in shown.items]


def test_list_of_a_later_activation_is_counted_apart(store: UserStore) -> None:
    """Such a list stays; its user is neither written nor unchanged, but done."""
    watch(store, "user 2", "v39", activation=9)
    told: list[int] = []
    done = refresh(store, serving(), NIGHT, told.append)
    assert done == Refreshed(EVERYBODY - 1, 0, 1, 0)
    assert told == [BATCH, EVERYBODY]
    (shown,) = store.read_lists(["user 2"])
    assert shown is not None
    assert shown.activation == 9


def test_length_is_honoured(store: UserStore) -> None:
    """Lists have as many videos as were asked for."""
    refresh(store, serving(), NIGHT, length=7)
    check_all(store, length=7)
    assert {len(shown.items) for shown in store.read_lists(["user 1"]) if shown} == {7}


def test_nobody_is_nothing(store: UserStore) -> None:
    """A night without users, and a user without a video, do no harm."""
    assert refresh(store, serving(), []) == Refreshed(0, 0, 0, 0)
    for activation in (1, 2):
        done = refresh(store, serving(activation), [("nobody", UserHistory.empty())])
        assert done == Refreshed(1, 0, 0, 0)
    (nobody,), (shown,) = store.read_many(["nobody"]), store.read_lists(["nobody"])
    assert (nobody.history, nobody.activation) == (UserHistory.empty(), 2)
    assert shown is not None
    assert not shown.personal
