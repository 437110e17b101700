"""Histories and lists are written together, by exactly one of those who read the same state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from data.redis_connection import connect
from data.user_history import UserHistory
from data.user_store import StoredUser, UserStore, UserWrite
from tests.builders import event, history, interaction
from tests.contract.user_writes import AB, LOST, NEWER, WRITTEN, A, one, shown, write

if TYPE_CHECKING:
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys
    from deploy.embedded.redis_server import EmbeddedRedis

ODD_IDS = (
    "plain",
    "with space",
    "{braces}",
    "}x",
    "{",
    "}{",
    "😀 é 日本",
    "line\nbreak",
    "nul\x00byte",
    '"quoted"',
    "a:b:history",
    "*",
    "x" * 256,
)


@pytest.fixture
def store(client: Client, keys: RedisKeys) -> UserStore:
    """Give a store on an empty server."""
    return UserStore(client, keys)


def test_unknown_user_is_empty(store: UserStore) -> None:
    """Somebody never seen has an empty history, an empty tag and no list."""
    assert one(store) == StoredUser(UserHistory.empty(), b"", 0)
    assert store.read_lists(["u"]) == [None]


def test_nobody_is_read_and_written(store: UserStore) -> None:
    """Calls with no users give no answers."""
    assert store.read_many([]) == []
    assert store.read_lists([]) == []
    assert store.compare_and_set_many([]) == []


@pytest.mark.parametrize("user", ODD_IDS)
def test_written_is_read(store: UserStore, user: str) -> None:
    """History and list come back as they were written, whatever the id."""
    assert write(store, user, one(store, user), AB, activation=3) is WRITTEN
    stored = one(store, user)
    assert stored.history == AB
    assert stored.activation == 3
    assert store.read_lists([user]) == [shown(user, AB, 3)]


def test_odd_ids_do_not_meet(store: UserStore) -> None:
    """Users with odd ids written in one call each keep their own history."""
    each = [history([event(f"v{n}")]) for n in range(len(ODD_IDS))]
    pairs = list(zip(ODD_IDS, each, strict=True))
    writes = [UserWrite(b"", known, shown(user, known)) for user, known in pairs]
    assert set(store.compare_and_set_many(writes)) == {WRITTEN}
    assert [stored.history for stored in store.read_many(ODD_IDS)] == each


def test_list_is_json_under_the_documented_key(store: UserStore, client: Client) -> None:
    """Any application reads the list with one GET."""
    write(store, "u", one(store), A)
    value = client.get("test:{u:u}:list")
    assert isinstance(value, bytes)
    assert json.loads(value)["items"] == [{"id": "a", "score": 0.5}]


def test_of_two_writers_one_wins(store: UserStore) -> None:
    """Of two that read the same state the first writes; the second changes nothing."""
    write(store, "u", one(store), A)
    first, second = one(store), one(store)
    assert write(store, "u", first, AB) is WRITTEN
    assert write(store, "u", second, history([event("c", at=3)])) is LOST
    assert one(store).history == AB
    assert store.read_lists(["u"]) == [shown("u", AB)]


def test_of_two_first_writers_one_wins(store: UserStore) -> None:
    """The race is also decided for a user who was not there before."""
    first, second = one(store), one(store)
    assert write(store, "u", first, A) is WRITTEN
    assert write(store, "u", second, AB) is LOST
    assert one(store).history == A


def test_state_that_went_away_is_a_lost_race(store: UserStore, client: Client) -> None:
    """When the key expired since it was read, the write must be recomputed from nothing."""
    write(store, "u", one(store), A)
    read = one(store)
    client.delete("test:{u:u}:history")
    assert write(store, "u", read, AB) is LOST
    assert one(store).history == UserHistory.empty()


def test_same_user_twice_in_a_call(store: UserStore) -> None:
    """The second write of a user in one call lost its race to the first."""
    writes = [UserWrite(b"", known, shown("u", known)) for known in (A, AB)]
    assert store.compare_and_set_many(writes) == [WRITTEN, LOST]
    assert one(store).history == A


def test_history_that_stays_is_not_sent(store: UserStore, client: Client) -> None:
    """A list alone is written under its activation, and the history's bytes stay as they were."""
    write(store, "u", one(store), AB)
    before = client.get("test:{u:u}:history")
    client.expire("test:{u:u}:history", 10)
    assert write(store, "u", one(store), None, activation=7) is WRITTEN
    after = client.get("test:{u:u}:history")
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    assert (after[:17], after[32:]) == (before[:17], before[32:])
    assert one(store) == StoredUser(AB, before[:16], 7)
    assert store.read_lists(["u"]) == [shown("u", None, 7)]
    assert client.ttl("test:{u:u}:history") > 10


def test_history_that_stays_can_lose_its_race(store: UserStore) -> None:
    """A list alone is not written either when somebody wrote since the state was read."""
    write(store, "u", one(store), A)
    read = one(store)
    write(store, "u", one(store), AB)
    assert write(store, "u", read, None, activation=7) is LOST
    assert one(store).history == AB
    assert store.read_lists(["u"]) == [shown("u", AB)]


def test_history_that_stays_keeps_a_later_activation(store: UserStore) -> None:
    """A list alone of a lower activation replaces nothing, and the later list is said to lag."""
    write(store, "u", one(store), A, activation=5)
    assert write(store, "u", one(store), None, activation=4) is NEWER
    stored = one(store)
    assert (stored.history, stored.activation, stored.lags) == (A, 5, True)
    assert store.read_lists(["u"]) == [shown("u", A, 5)]


def test_retried_write_is_harmless(store: UserStore) -> None:
    """A write sent again because its answer was lost changes nothing."""
    read = one(store)
    assert write(store, "u", read, A) is WRITTEN
    assert write(store, "u", read, A) is LOST
    assert one(store).history == A


def test_lower_activation_keeps_the_list_and_writes_the_history(store: UserStore) -> None:
    """A worker on the old model adds its events, but its list does not replace the newer one."""
    write(store, "u", one(store), A, activation=5)
    assert write(store, "u", one(store), AB, activation=4) is NEWER
    stored = one(store)
    assert stored.history == AB
    assert stored.activation == 5
    assert store.read_lists(["u"]) == [shown("u", A, 5)]


def test_activation_is_remembered_through_older_writes(store: UserStore) -> None:
    """After an older write the list is still protected, and an equal or higher one replaces it."""
    write(store, "u", one(store), A, activation=10)
    for _ in range(2):
        assert write(store, "u", one(store), AB, activation=9) is NEWER
    assert write(store, "u", one(store), AB, activation=10) is WRITTEN
    assert write(store, "u", one(store), A, activation=11) is WRITTEN
    assert store.read_lists(["u"]) == [shown("u", A, 11)]


def test_lost_race_comes_before_the_activation(store: UserStore) -> None:
    """A higher activation does not win a race that was lost."""
    write(store, "u", one(store), A)
    assert write(store, "u", StoredUser(A, b"", 0), AB, activation=9) is LOST
    assert one(store).activation == 1


@pytest.mark.parametrize("activation", [1, 3])
def test_both_keys_carry_the_ttl(client: Client, keys: RedisKeys, activation: int) -> None:
    """Each write starts the TTL of both keys anew, also one that leaves a newer list alone."""
    store = UserStore(client, keys, ttl_s=1_000)
    write(store, "u", one(store), A, activation=2)
    names = (keys.history("u"), keys.up_next("u"))
    assert all(990 <= client.ttl(name) <= 1_000 for name in names)
    for name in names:
        client.expire(name, 10)
    write(store, "u", one(store), AB, activation)
    assert all(990 <= client.ttl(name) <= 1_000 for name in names)


def test_script_is_loaded_again_after_a_flush(store: UserStore, client: Client) -> None:
    """A server that lost its scripts gets ours again, and no write is lost."""
    write(store, "u", one(store), A)
    client.script_flush()
    assert write(store, "u", one(store), AB) is WRITTEN
    assert one(store).history == AB


@pytest.mark.parametrize("per_call", [1, 64, 1_000])
def test_five_hundred_users_in_a_call(client: Client, keys: RedisKeys, per_call: int) -> None:
    """Five hundred users are read and written at once, answers in their order."""
    store = UserStore(client, keys, users_per_call=per_call)
    users = [f"user {number}" for number in range(500)]
    known = [history([event(f"v{number}", at=number + 1)]) for number in range(500)]
    taken = UserWrite(b"", A, shown(users[123], A))
    assert store.compare_and_set_many([taken]) == [WRITTEN]
    writes = [UserWrite(b"", h, shown(u, h)) for u, h in zip(users, known, strict=True)]
    answers = store.compare_and_set_many(writes)
    assert [number for number, answer in enumerate(answers) if answer is LOST] == [123]
    assert answers.count(WRITTEN) == 499
    assert [s.history for s in store.read_many(users)] == [*known[:123], A, *known[124:]]
    assert [u and u.user for u in store.read_lists([*users, "nobody"])] == [*users, None]


def test_all_limits_hold_at_the_greatest_numbers(store: UserStore) -> None:
    """Activations are compared exactly up to more than will ever be."""
    write(store, "u", one(store), A, activation=10**14)
    assert write(store, "u", one(store), AB, activation=10**14 - 1) is NEWER
    assert write(store, "u", one(store), A, activation=10**14 + 1) is WRITTEN
    assert one(store).activation == 10**14 + 1


def test_second_process_knows_the_script_by_its_digest(
    store: UserStore, server: EmbeddedRedis, keys: RedisKeys
) -> None:
    """A store on another connection writes without loading anything again."""
    write(store, "u", one(store), A)
    connection = connect(server.url)
    try:
        again = UserStore(connection, keys)
        assert (
            write(again, "u", one(again), one(again).history.add(interaction(event("b"))))
            is WRITTEN
        )
    finally:
        connection.close()
