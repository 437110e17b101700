"""A user who never stops: what is kept of them is bounded."""

from __future__ import annotations

from data.interaction import Interaction
from data.popular import Popular
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.user_history import DEFAULT_LIMIT, Mark
from data.user_store import UserStore
from deploy.embedded.redis_server import EmbeddedRedis
from stream_inference.write_back import write_back

EVENTS, BATCH, START_MS = 100_000, 1_000, 1_720_000_000_000


def seen(number: int) -> Interaction:
    """Give the user's so-manieth event, each of a video of its own."""
    video = f"video-{number:05}"
    return Interaction(user="bot", video=video, kind="like", at=START_MS + number)


def test_user_with_100_000_events() -> None:
    """Of 100,000 videos the newest 1,000 are kept; what comes too late for them is ignored."""
    with EmbeddedRedis() as server, connect(server.url) as client:
        check(UserStore(client, RedisKeys("test")))


def check(store: UserStore) -> None:
    """Send the events, and look at what is kept."""
    for first in range(0, EVENTS, BATCH):
        events = [seen(number) for number in range(first, first + BATCH)]
        write_back(store, Popular(), {"bot": events})
    (stored,) = store.read_many(["bot"])
    oldest = EVENTS - DEFAULT_LIMIT
    assert stored.history.videos == [seen(number).video for number in range(oldest, EVENTS)]
    gone = seen(oldest - 1)
    assert stored.history.mark == Mark(gone.at, gone.video)
    assert len(stored.history.to_bytes()) < 40 * DEFAULT_LIMIT
    late = write_back(store, Popular(), {"bot": [gone]})
    assert (late.written, late.unchanged) == (0, 1)
    new = write_back(store, Popular(), {"bot": [seen(EVENTS)]})
    assert (new.written, new.unchanged) == (1, 0)
    (after,) = store.read_many(["bot"])
    assert (len(after.history), after.history.mark.video) == (DEFAULT_LIMIT, seen(oldest).video)
