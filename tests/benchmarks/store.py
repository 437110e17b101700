"""Publishing and loading a model, against writing and reading the same bytes by SET and GET."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Final

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.manifest import chunks
from data.model_lock import ModelLock
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from deploy.embedded.redis_server import EmbeddedRedis
from tests.benchmarks.race import race
from tests.benchmarks.report import Report
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Callable

    from data.frozen_model import FrozenModel
    from data.redis_connection import Client

PLAIN: Final = "plain SET, then GET, each one pipeline"
SET: Final = "  of which SET"
OURS: Final = "publish, verify and load"
PUBLISH: Final = "  of which publish, read back"
LOAD: Final = "  of which load"


def run(
    say: Callable[[str], None], n_items: int = 200_000, factors: int = 128, rounds: int = 9
) -> Report:
    """Let both sides write and read the same bytes by turns; wall time, with Redis on loopback."""
    say("make a model")
    given = model(n_items, factors)
    with EmbeddedRedis() as server:
        client = connect(server.url)
        seconds = race(
            _runners(client, given),
            rounds,
            lambda done: say(f"round {done} of {rounds}"),
            time.perf_counter,
        )
        client.close()
    size = len(given.to_bytes()) / 2**20
    seconds |= {PLAIN: seconds[SET] + seconds[PLAIN], OURS: seconds[PUBLISH] + seconds[LOAD]}
    return Report(
        title="A model to Redis and back",
        conditions=[
            f"{n_items:,} videos × {factors} factors, {size:.0f} MiB, under the lock; median wall",
            f"time of {rounds} rounds by turns; both sides in chunks of 4 MiB over loopback",
        ],
        columns=("", "ms", "MiB/s", "of the plain speed"),
        rows=[_row(name, seconds, size) for name in (PLAIN, SET, OURS, PUBLISH, LOAD)],
        notes=["verifying is reading all of it back once, before anybody can see the version"],
    )


def _row(name: str, seconds: dict[str, float], size: float) -> tuple[str, ...]:
    speed = f"{seconds[PLAIN] / seconds[name]:.2f}×" if name == OURS else ""
    return name, f"{seconds[name] * 1000:.0f}", f"{size / seconds[name]:.0f}", speed


def _runners(client: Client, given: FrozenModel) -> dict[str, Callable[[], object]]:
    """Everything that is timed; the plain side's `PLAIN` is its reading alone."""
    keys = RedisKeys()
    store, lock, numbers = ModelStore(client, keys), ModelLock(client, keys), count()
    pieces = {f"plain:{i}": bytes(chunk) for i, chunk in enumerate(chunks(given.to_bytes()))}
    published: list[ModelVersion] = []

    def write() -> None:
        with client.pipeline(transaction=False) as pipe:
            for key, chunk in pieces.items():
                pipe.set(key, chunk)
            pipe.execute()

    def read() -> None:
        with client.pipeline(transaction=False) as pipe:
            for key in pieces:
                pipe.get(key)
            pipe.execute()

    def publish() -> None:
        store.prune(0)
        client.unlink(*pieces)
        published.append(ModelVersion(f"v{next(numbers)}"))
        with lock:
            store.publish(published[-1], given, Catalogue(), lock=lock)

    return {SET: write, PLAIN: read, PUBLISH: publish, LOAD: lambda: store.load(published[-1])}
