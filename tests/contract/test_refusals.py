"""What Redis refuses for now is told apart from what it will always refuse."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import redis
from redis._parsers.base import BaseParser
from redis.exceptions import RedisError

from data.redis_connection import connect, is_transient
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from deploy.embedded.redis_server import EmbeddedRedis, free_port
from tests.contract.user_writes import AB, LOST, WRITTEN, A, one, write
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = RedisKeys("test")
NOBODY = f"127.0.0.1 {free_port()}"
# What makes a server refuse to write, and what it answers then.
REFUSALS: dict[str, dict[str, object]] = {
    "OOM": {"maxmemory": 1},
    "READONLY": {"replicaof": NOBODY},
    "NOREPLICAS": {"min-replicas-to-write": 1},
    "CLUSTERDOWN": {"cluster-enabled": "yes", "cluster-port": free_port()},
}
LATER = [
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "LOADING Redis is loading the dataset in memory",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "MOVED 3999 127.0.0.1:6381",
    "ASK 3999 127.0.0.1:6381",
    "NOPERM this user has no permissions to run the 'set' command",
]
NEVER = [
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "CROSSSLOT Keys in request don't hash to the same slot",
    "ERR wrong number of arguments for 'set' command",
    "NOSCRIPT No matching script. Please use EVAL",
]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Give what is closed at the end."""
    with ExitStack() as opened:
        yield opened


def plain(stack: ExitStack, url: str) -> redis.Redis:
    """Give a client of one server that doesn't ask what it is."""
    client: redis.Redis = stack.enter_context(redis.Redis.from_url(url))
    return client


@pytest.mark.parametrize("word", REFUSALS)
def test_a_refusal_for_now_is_transient(stack: ExitStack, word: str) -> None:
    """What a real server answers to a write that it refuses for now may be tried again."""
    server = stack.enter_context(EmbeddedRedis(options=REFUSALS[word]))
    store = UserStore(plain(stack, server.url), KEYS)
    with pytest.raises(RedisError) as caught:
        write(store, "u", one(store), A)
    assert caught.value.status_code == word or word in str(caught.value)
    assert is_transient(caught.value)


def test_a_write_that_was_refused_goes_through_later(stack: ExitStack) -> None:
    """When there is room again, the same store writes the same user."""
    server = stack.enter_context(EmbeddedRedis(options=REFUSALS["OOM"]))
    client = plain(stack, server.url)
    store = UserStore(client, KEYS)
    with pytest.raises(RedisError):
        write(store, "u", one(store), A)
    client.config_set("maxmemory", 0)
    assert write(store, "u", one(store), A) is WRITTEN


@pytest.mark.parametrize(("texts", "transient"), [(LATER, True), (NEVER, False)])
@pytest.mark.parametrize("where", ["", "Command # 1 (EVALSHA ...) of pipeline caused error: "])
def test_answers_are_told_apart(texts: list[str], where: str, *, transient: bool) -> None:
    """Each answer of Redis, alone or in a pipeline, may be tried again or may not."""
    for text in texts:
        error = BaseParser.parse_error(text)  # type: ignore[no-untyped-call]  # has no types
        error.args = (where + str(error),)
        assert is_transient(error) is transient, text


def test_who_meets_a_replica_follows_the_name(stack: ExitStack, tmp_path: Path) -> None:
    """After a fail-over the same client goes where the name leads, and finds what was copied."""
    sockets = [tmp_path / "old", tmp_path / "new"]
    options = [{"unixsocket": path, "repl-diskless-sync-delay": 0} for path in sockets]
    old, new = (stack.enter_context(EmbeddedRedis(options=these)) for these in options)
    name = tmp_path / "name"
    name.symlink_to(sockets[0])
    client = stack.enter_context(connect(f"unix://{name}", patient=False))
    store = UserStore(client, KEYS)
    assert write(store, "u", one(store), A) is WRITTEN
    read = one(store)

    on_old, on_new = plain(stack, old.url), plain(stack, new.url)
    on_new.replicaof("127.0.0.1", old.port)
    wait_until(lambda: on_new.exists(KEYS.history("u")))
    on_new.replicaof("NO", "ONE")
    on_old.replicaof("127.0.0.1", new.port)
    name.unlink()
    name.symlink_to(sockets[1])

    assert write(store, "u", read, AB) is WRITTEN
    assert UserStore(on_new, KEYS).read_many(["u"])[0].history == AB
    assert write(store, "u", read, A) is LOST
