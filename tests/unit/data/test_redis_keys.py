"""The keys of one user live in one slot of a Redis Cluster, whatever the user's id."""

from __future__ import annotations

from binascii import crc_hqx

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.redis_keys import RedisKeys

KEYS = RedisKeys()
SLOTS = 16_384


def slot(name: str) -> int:
    """Compute the slot of a key as the Redis Cluster specification does."""
    key = name.encode()
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    tag = key[start + 1 : end] if 0 <= start < end - 1 else key
    return crc_hqx(tag, 0) % SLOTS


def of_user(user: str) -> list[str]:
    """Give all keys of one user."""
    return [KEYS.history(user), KEYS.up_next(user), KEYS.damaged(user)]


def test_slot_is_computed_as_specified() -> None:
    """The test's own slot function gives the examples of the specification."""
    assert slot("123456789") == 0x31C3
    assert slot("{user1000}.following") == slot("{user1000}.followers")
    assert slot("foo{}{bar}") == crc_hqx(b"foo{}{bar}", 0) % SLOTS
    assert slot("foo{{bar}}zap") == crc_hqx(b"{bar", 0) % SLOTS


@pytest.mark.parametrize("user", ["u", "}", "}x", "{", "{}", "}{", "a}b{c}", "u:u}", "\n", "😀"])
def test_keys_of_a_user_share_a_slot(user: str) -> None:
    """Braces in an id can't tear the keys of a user apart."""
    assert len({slot(name) for name in of_user(user)}) == 1


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_keys_of_any_user_share_a_slot(user: str) -> None:
    """The keys of any user share a slot and are three."""
    assert len({slot(name) for name in of_user(user)}) == 1
    assert len(set(of_user(user))) == 3


@given(st.lists(st.text("a{}:", min_size=1, max_size=5), unique=True, max_size=20))
def test_keys_of_two_users_never_meet(users: list[str]) -> None:
    """However alike two ids are, no key is common to both."""
    names = [name for user in users for name in of_user(user)]
    assert len(set(names)) == len(names)


def test_keys_of_models_and_of_workers_share_their_slots() -> None:
    """All models live in one slot, as a script touches them together, and so do all workers."""
    models = [KEYS.current, KEYS.versions, KEYS.manifest("v"), KEYS.chunk("v", "model", 3)]
    models += [KEYS.activations, KEYS.unfinished, KEYS.lock, KEYS.fence]
    assert len({slot(name) for name in models}) == 1
    assert len({slot(name) for name in (KEYS.workers, KEYS.worker("w}x"))}) == 1


def test_prefix_stands_before_every_key() -> None:
    """Installations with their own prefixes share nothing."""
    mine = RedisKeys("mine")
    names = [mine.history("u"), mine.current, mine.manifest("v"), mine.workers, mine.worker("w")]
    assert all(name.startswith("mine:") for name in names)
