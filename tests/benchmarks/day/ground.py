"""Where the day is measured: Kafka, Redis and workers of several kinds, all on this machine."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Self

import msgspec

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.heartbeats import Heartbeats
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.up_next import known_videos
from data.user_history import UserHistory
from data.user_store import UserStore
from data.video_state import NEUTRAL
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.leash import Leashed
from deploy.embedded.redis_server import EmbeddedRedis
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests.benchmarks.day import obvious_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from data.frozen_model import FrozenModel
    from tests.benchmarks.world import World

EVENTS: Final = "events"
DEAD_LETTERS: Final = "dead-letters"
_SEED: Final = "seed"  # prefix of what all workers start from
_CHUNK: Final = 1_000


class Arm:
    """One worker process, of whatever kind.

    Attributes
    ----------
    process
        The process.
    seen
        Tells whether it is through with that many events since its start.
    """

    def __init__(self, process: Leashed, seen: Callable[[int], bool]) -> None:
        self.process = process
        self._seen = seen

    def seen(self, count: int) -> bool:
        """Whether it is through with that many events since its start."""
        if (status := self.process.poll()) is not None:
            raise RuntimeError(f"it ended with status {status}:\n{self.process.log_tail()}")
        return self._seen(count)


class Ground:
    """Kafka and Redis, and what was started on them, up from construction until the end.

    Parameters
    ----------
    world
        Whose model and histories every worker starts from.
    partitions
        Of the topic of events.
    """

    def __init__(self, world: World, partitions: int = 4) -> None:
        self.world = watched_only(world)
        with ExitStack() as opened:
            self.folder = Path(opened.enter_context(TemporaryDirectory(prefix="upnext-benchmark-")))
            self.redis = opened.enter_context(EmbeddedRedis())
            self.kafka = opened.enter_context(EmbeddedKafka())
            self.kafka.create_topics({EVENTS: partitions, DEAD_LETTERS: 1})
            self.client = connect(self.redis.url)
            self._opened = opened.pop_all()
        self._obvious_histories = _in_json(self.world)
        self.publish(_SEED)
        self._fill()

    @property
    def newest_at(self) -> int:
        """Time of the newest event of all histories, in ms UTC."""
        return max(history.newest_at for history in self.world.histories)

    def _fill(self) -> None:
        world, keys = self.world, RedisKeys(_SEED)
        serving = Serving(world.model, ModelVersion("benchmark"), 1)
        users = zip(world.users, world.histories, strict=True)
        refresh(UserStore(self.client, keys), serving, users)

    def publish(self, prefix: str, model: FrozenModel | None = None) -> None:
        """Publish and activate a model under a prefix, by default that of the world."""
        models, version = ModelStore(self.client, RedisKeys(prefix)), ModelVersion("benchmark")
        models.publish(version, model or self.world.model, Catalogue([]))
        models.activate(version)

    def start_worker(
        self, prefix: str, model: FrozenModel | None = None, flags: Iterable[str] = ()
    ) -> Arm:
        """Start the worker itself, with keys and a group of its own."""
        self.publish(prefix, model)
        options = {
            "kafka": self.kafka.bootstrap,
            "redis-url": self.redis.url,
            "events-topic": EVENTS,
            "dead-letters-topic": DEAD_LETTERS,
            "redis-prefix": prefix,
            "group": prefix,
            "session-timeout-s": "90",  # it is stopped while others have their turn
            "poll-s": "0.2",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        process = self._start(prefix, "deploy.cli", "worker", *words, *flags)
        beats = Heartbeats(self.client, RedisKeys(prefix))
        return Arm(process, lambda count: sum(beat.events for beat in beats.alive()) >= count)

    def start_obvious(self, counts: Iterable[int]) -> Arm:
        """Start the obvious worker."""
        model = self.folder / "model.npz"
        obvious_worker.save(model, self.world.model)
        return self._start_counting("obvious_worker", [self.redis.url, str(model)], counts)

    def start_plain(self, prefix: str, max_batch: int, counts: Iterable[int]) -> Arm:
        """Start a plain aiokafka loop around the worker's body."""
        self.publish(prefix)
        return self._start_counting("plain_loop", [self.redis.url, prefix, str(max_batch)], counts)

    def start_empty(self, counts: Iterable[int]) -> Arm:
        """Start a Faust agent that does nothing."""
        return self._start_counting("empty_agent", ["empty"], counts)

    def _start_counting(self, module: str, options: list[str], counts: Iterable[int]) -> Arm:
        words = [self.kafka.bootstrap, EVENTS, *options, *map(str, counts)]
        process = self._start(module, f"tests.benchmarks.day.{module}", *words)
        return Arm(process, lambda count: f"seen {count}\n" in process.log.read_text())

    def _start(self, name: str, module: str, *words: str) -> Leashed:
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
