"""How much room a user takes in Redis, measured over many users."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import redis

from data.defaults import DEFAULT_LENGTH, DEFAULT_TTL_S
from data.frozen_model import new_version
from data.redis_keys import RedisKeys
from data.up_next import Listed, UpNext
from data.user_history import UserHistory
from data.user_store import UserStore, UserWrite
from data.video_state import LIKE, STATE
from deploy.embedded.redis_server import EmbeddedRedis
from tests.benchmarks.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_KEPT: Final = 50  # videos of a history
_ID_BYTES: Final = 11
_LETTERS: Final = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
_VIDEOS: Final = 20_000
_NOW_MS: Final = 1_760_000_000_000
_MONTH_MS: Final = 30 * 86_400_000
_PATTERNS: Final = 1_000  # users that are drawn; the others are like them, under other names
_LIKED: Final = 0.1  # of the videos watched
_VERSION: Final = new_version(b"", datetime.fromtimestamp(_NOW_MS / 1000, UTC))
_ACTIVATION: Final = 100
_GOAL: Final = 4096


class Room(NamedTuple):
    """Bytes of one user.

    Attributes
    ----------
    user
        As Redis counts them, with all of its overhead.
    parts, values
        Of history and list: with key and overhead, and the value alone.
    """

    user: float
    parts: list[float]
    values: list[float]


def run(say: Callable[[str], None], users: int = 100_000) -> Report:
    """Measure; `say` is told what is being done."""
    with EmbeddedRedis() as server:
        client = redis.Redis.from_url(server.url)
        say(f"room: writing {users:,} users")
        room = _measure(client, users)
        name = client.info("server").get("redis_version", "")
    rest = room.user - sum(room.parts)
    rows: list[tuple[str, ...]] = [
        (part, f"{value:,.0f}", f"{whole:,.0f}")
        for part, value, whole in zip(("history", "list"), room.values, room.parts, strict=True)
    ]
    rows += [
        ("tables of keys and TTLs", "", f"{rest:,.0f}"),
        ("a user", f"{sum(room.values):,.0f}", f"{room.user:,.0f}"),
    ]
    return Report(
        title="Bytes of one user in Redis",
        conditions=[
            f"{users:,} users with {_KEPT} videos in the history (all watched, one in ten liked)",
            f"and {DEFAULT_LENGTH} listed, ids of {_ID_BYTES} bytes; Redis {name}; a user is what",
            "used_memory grew by for each, the parts are by MEMORY USAGE",
        ],
        columns=("", "bytes of the value", "in Redis"),
        rows=rows,
        notes=[
            f"goal: at most {_GOAL:,}, better half of it",
            f"both keys expire {DEFAULT_TTL_S // 86_400} days after the last event",
            f"1 million users: {room.user * 1e6 / 2**30:.2f} GiB, by these {users:,}",
        ],
    )


def _measure(client: redis.Redis, users: int) -> Room:
    store, keys = UserStore(client, RedisKeys()), RedisKeys()
    random = np.random.default_rng(0)
    videos, names = _ids(random, _VIDEOS), _ids(random, users)
    patterns = [_user(random, videos) for _ in range(_PATTERNS)]
    store.read_many(names[:1])
    before = _used(client)
    for first in range(0, users, len(patterns)):
        batch = zip(names[first : first + len(patterns)], patterns, strict=False)
        store.compare_and_set_many([_write(name, *pattern) for name, pattern in batch])
    used = _used(client) - before
    sample = names[: len(patterns)]
    parts = [[key(name) for name in sample] for key in (keys.history, keys.up_next)]
    whole = [_mean(client.memory_usage(key, samples=0) for key in part) for part in parts]
    values = [_mean(client.strlen(key) for key in part) for part in parts]
    return Room(used / users, whole, values)


def _used(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


def _mean(values: Iterable[int | None]) -> float:
    return float(np.mean([value or 0 for value in values]))


def _ids(random: np.random.Generator, count: int) -> list[str]:
    """Draw ids that look like those of the great video sites."""
    letters = random.choice(_LETTERS, size=(count, _ID_BYTES))
    return ["".join(row) for row in letters]


def _user(random: np.random.Generator, videos: list[str]) -> tuple[UserHistory, list[Listed]]:
    """Draw a history of a month, and a list."""
    chosen = random.choice(len(videos), size=_KEPT + DEFAULT_LENGTH, replace=False).tolist()
    ids = [videos[row] for row in chosen]
    states = np.zeros(_KEPT, STATE)
    at = np.sort(_NOW_MS - random.integers(_MONTH_MS, size=_KEPT))
    for name in ("seen", "earliest", "latest"):
        states[name] = at
    states["watch_ratio"] = np.round(random.random(_KEPT), 3)
    liked = random.random(_KEPT) < _LIKED
    states["reaction"] = np.where(liked, LIKE, 0)
    states["reacted_at"] = np.where(liked, at + 1_000, 0)
    states["latest"] = np.maximum(at, states["reacted_at"])
    scores = np.sort(np.round(random.random(DEFAULT_LENGTH), 6))[::-1].tolist()
    listed = [Listed(*pair) for pair in zip(ids[_KEPT:], scores, strict=True)]
    return UserHistory.of(ids[:_KEPT], states), listed


def _write(name: str, history: UserHistory, listed: list[Listed]) -> UserWrite:
    up_next = UpNext(
        user=name,
        version=_VERSION,
        activation=_ACTIVATION,
        at=history.newest_at,
        personal=True,
        items=tuple(listed),
    )
    return UserWrite(b"", history, up_next)
