"""Where the day is measured: Kafka, Redis and workers of several kinds, all on this machine."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import ExitStack
from functools import cached_property
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Self

import msgspec
import redis

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_store import ModelStore
from data.popular import Popular
from data.redis_keys import RedisKeys
from data.up_next import known_videos
from data.user_history import UserHistory
from data.user_store import UserStore
from data.video_state import NEUTRAL
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.leash import Leashed
from deploy.embedded.redis_server import EmbeddedRedis
from deploy.kafka import EventSender
from stream_inference.write_back import write_back
from tests.benchmarks.day import obvious_worker
from tests.benchmarks.day.traffic import events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data.frozen_model import FrozenModel
    from tests.benchmarks.world import World

EVENTS: Final = "events"
DEAD_LETTERS: Final = "dead-letters"
_SEED: Final = "seed"  # prefix of what all workers start from
_FILLED: Final = 256  # users at a time


class Ground:
    """Kafka and Redis, and what was started on them, up until the end.

    Parameters
    ----------
    world
        Whose model and histories every worker starts from.
    partitions
        Of each topic of events.

    Attributes
    ----------
    folder
        For whatever a process leaves.
    sent
        Events sent so far, by topic.
    start_at
        A time after all histories, in ms UTC.
    """

    def __init__(self, world: World, partitions: int = 4) -> None:
        self.world = watched_only(world)
        self._partitions = partitions
        with ExitStack() as opened:
            self.folder = Path(opened.enter_context(TemporaryDirectory(prefix="upnext-benchmark-")))
            self.redis = opened.enter_context(EmbeddedRedis())
            self.client = redis.Redis.from_url(self.redis.url)
            self._opened = opened.pop_all()
        self.sent: Counter[str] = Counter()
        self.start_at = 1 + max(history.newest_at for history in self.world.histories)
        self._obvious_histories = _in_json(self.world)
        self._fill()

    def _fill(self) -> None:
        """Write the histories from which `reset` takes them; the lists are empty."""
        store = UserStore(self.client, RedisKeys(_SEED))
        users = zip(self.world.users, self.world.histories, strict=True)
        while batch := dict(islice(users, _FILLED)):
            write_back(store, Popular(), {**batch})

    @cached_property
    def kafka(self) -> EmbeddedKafka:
        """The broker, which starts when it is asked for."""
        kafka = self._opened.enter_context(EmbeddedKafka())
        kafka.create_topics({DEAD_LETTERS: 1, EVENTS: self._partitions})
        return kafka

    def create_topic(self, topic: str) -> None:
        """Create a topic of events."""
        self.kafka.create_topics({topic: self._partitions})

    def send(self, drawn: list[int], topic: str = EVENTS) -> None:
        """Let these users watch something, as fast as Kafka takes it."""
        start = self.start_at + self.sent[topic]
        with EventSender(self.kafka.bootstrap, topic) as sender:
            for event in events(self.world, drawn, start):
                sender.send(event)
        self.sent[topic] += len(drawn)

    def publish(
        self, prefix: str, model: FrozenModel | None = None, version: str = "benchmark"
    ) -> None:
        """Publish and activate a model under a prefix, by default that of the world."""
        models = ModelStore(self.client, RedisKeys(prefix))
        models.publish(ModelVersion(version), model or self.world.model, Catalogue([]))
        models.activate(ModelVersion(version))

    def start(self, name: str, module: str, *words: str) -> Leashed:
        """Start a Python module on a leash, without this person's own settings."""
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("UPNEXT_")}
        no_settings = self.folder / "no-settings.toml"
        no_settings.touch()
        environment = kept | {"TMPDIR": str(self.folder), "UPNEXT_CONFIG": str(no_settings)}
        process = Leashed(
            [sys.executable, "-m", module, *words],
            log=self.folder / f"{name}.log",
            env=environment,
            grace=0.5,
        )
        self._opened.callback(process.close)
        self._opened.callback(process.kill)  # it may be stopped, and then hears nothing else
        return process

    def reset(self, prefixes: Iterable[str]) -> None:
        """Give everybody the history of the start, under each prefix and for the obvious one."""
        seed = RedisKeys(_SEED)
        for prefix in prefixes:
            keys = RedisKeys(prefix)
            with self.client.pipeline(transaction=False) as pipe:
                for user in self.world.users:
                    pipe.copy(seed.history(user), keys.history(user), replace=True)
                pipe.execute()
        self.client.mset(self._obvious_histories)

    def close(self) -> None:
        """End everything."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def watched_only(world: World) -> World:
    """Make every history one of watches alone, which is all that the obvious worker knows."""
    return world._replace(histories=[_as_watched(history) for history in world.histories])


def _as_watched(history: UserHistory) -> UserHistory:
    states = history.states.copy()
    unseen = states["seen"] == 0
    states["watch_ratio"][unseen] = 0.5
    states["seen"][unseen] = states["earliest"][unseen]
    states["latest"] = states["seen"]
    for name in ("reacted_at", "rated_at", "rating", "shared", "hidden"):
        states[name] = 0
    states["reaction"] = NEUTRAL
    return UserHistory(history.videos, states)


def _in_json(world: World) -> dict[str, bytes]:
    """Give everybody's history as the obvious worker keeps it."""
    known = known_videos(world.model, world.histories)
    return {
        obvious_worker.history_key(user): msgspec.json.encode(
            dict(zip(history.videos, known.confidence[part].tolist(), strict=True))
        )
        for user, history, part in zip(
            world.users, world.histories, known.videos.slices(), strict=True
        )
    }
