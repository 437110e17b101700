"""A history that can't be read stops nobody, and is kept for a look."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from data.user_history import UserHistory
from data.user_store import UserStore
from tests.contract.user_writes import AB, NEWER, WRITTEN, A, one, shown, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys


@pytest.fixture
def store(client: Client, keys: RedisKeys) -> UserStore:
    """Give a store on an empty server."""
    return UserStore(client, keys)


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "short": lambda _: b"\xff",
    "header alone": lambda value: value[:32],
    "cut": lambda value: value[:-1],
    "flipped": lambda value: value[:40] + bytes([value[40] ^ 1]) + value[41:],
    "flipped tag": lambda value: bytes([value[0] ^ 1]) + value[1:],
    "activation that is no number": lambda value: value[:16] + b"\xff" * 16 + value[32:],
    "foreign": lambda _: b"something else that somebody wrote here by mistake",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_history_is_kept_aside_and_stops_nobody(
    store: UserStore,
    client: Client,
    keys: RedisKeys,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    """What can't be read is kept aside with a TTL and logged; the user goes on from nothing."""
    write(store, "u", one(store), AB)
    write(store, "other", one(store, "other"), A)
    value = client.get(keys.history("u"))
    assert isinstance(value, bytes)
    value = DAMAGED[damage](value)
    client.set(keys.history("u"), value)
    with caplog.at_level(logging.ERROR):
        stored, other = store.read_many(["u", "other"])
    assert stored.history == UserHistory.empty()
    assert other.history == A
    assert keys.damaged("u") in caplog.text
    assert client.get(keys.damaged("u")) == value
    assert client.ttl(keys.damaged("u")) > 0
    assert write(store, "u", stored, A) is WRITTEN
    assert one(store).history == A
    assert store.read_lists(["u"]) == [shown("u", A)]


def test_list_of_a_damaged_history_keeps_its_activation(
    store: UserStore, client: Client, keys: RedisKeys
) -> None:
    """Though the history is damaged, a lower activation does not replace the list."""
    write(store, "u", one(store), AB, activation=5)
    client.append(keys.history("u"), "x")
    assert write(store, "u", one(store), A, activation=4) is NEWER
    assert store.read_lists(["u"]) == [shown("u", AB, 5)]
