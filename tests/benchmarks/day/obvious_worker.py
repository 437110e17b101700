"""The worker that a good engineer would write first: what UpNext's worker is measured against.

It was written before anything was tuned, and is left alone. It is exact, decodes with msgspec,
runs on uvloop, reads and writes Redis in one round trip a batch each, and wastes nothing on
purpose. It promises nothing when something fails: it neither parks, nor compares and sets, nor
follows a new model.

``python -m tests.benchmarks.day.obvious_worker BOOTSTRAP TOPIC REDIS_URL MODEL [COUNT...]`` takes
the model as `save` writes it, and writes a line ``seen COUNT`` when it has seen that many.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Final

import faust
import msgspec
import numpy as np
import redis.asyncio
import uvloop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from data.frozen_model import FrozenModel

GROUP: Final = "obvious"
LISTED: Final = 20
KEPT: Final = 1_000  # videos of a history
TTL_S: Final = 90 * 86_400


class Event(msgspec.Struct):
    """A watch."""

    user: str
    video: str
    watch_ratio: float


class Listed(msgspec.Struct):
    """One video of a list."""

    id: str
    score: float


_EVENT: Final = msgspec.json.Decoder(Event)
_HISTORY: Final = msgspec.json.Decoder(dict[str, float])  # confidence by video, oldest first
_JSON: Final = msgspec.json.Encoder()


def history_key(user: str) -> str:
    """Name a user's history: JSON, confidence by video."""
    return f"obvious:history:{user}"


def list_key(user: str) -> str:
    """Name a user's list: JSON, videos and scores, best first."""
    return f"obvious:list:{user}"


def save(path: Path, model: FrozenModel) -> None:
    """Write what `Model` reads."""
    ids = np.array(model.vocabulary.ids)
    np.savez(path, factors=model.item_factors, gram=model.gram.astype(np.float32), ids=ids)


class Model:
    """Factors, and what to do with them."""

    def __init__(self, path: str) -> None:
        with np.load(path) as saved:
            self.factors: NDArray[np.float32] = saved["factors"]
            self.gram: NDArray[np.float32] = saved["gram"]
            self.ids: list[str] = saved["ids"].tolist()
        self.rows = {video: row for row, video in enumerate(self.ids)}

    def fold_in(self, rows: list[int], confidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Solve the user's step of ALS; a negative confidence is that of an unwanted video."""
        factors = self.factors[rows]
        weight = np.abs(confidence) - 1
        left = self.gram + (factors.T * weight) @ factors
        solution: NDArray[np.float32] = np.linalg.solve(left, np.maximum(confidence, 0) @ factors)
        return solution

    def recommend(self, histories: Sequence[dict[str, float]]) -> list[list[Listed]]:
        """Score all videos for each history, and list the best that it doesn't hold."""
        known = [[self.rows[video] for video in history] for history in histories]
        users = np.stack(
            [
                self.fold_in(rows, np.fromiter(history.values(), np.float32, len(rows)))
                for rows, history in zip(known, histories, strict=True)
            ]
        )
        scores = users @ self.factors.T
        for own, rows in zip(scores, known, strict=True):
            own[rows] = -np.inf
        best = np.argpartition(scores, -LISTED, axis=1)[:, -LISTED:]
        values = np.take_along_axis(scores, best, axis=1)
        order = np.argsort(-values, axis=1)
        best = np.take_along_axis(best, order, axis=1).tolist()
        values = np.take_along_axis(values, order, axis=1).tolist()
        return [
            [Listed(self.ids[row], score) for row, score in zip(*pair, strict=True)]
            for pair in zip(best, values, strict=True)
        ]


def merge(history: dict[str, float], event: Event) -> None:
    """Note a watch: the greatest confidence of a video counts, the newest videos are kept."""
    curve = (event.watch_ratio - 0.2) / 0.8
    confidence = -1.7 if curve < 0 else 1 + 7 * min(curve, 1.0)
    history[event.video] = max(history.pop(event.video, confidence), confidence)
    if len(history) > KEPT:
        del history[next(iter(history))]


async def apply(client: redis.asyncio.Redis, model: Model, events: Sequence[Event]) -> None:
    """Read, merge, recommend and write, for the users of a batch."""
    users = list({event.user for event in events})
    stored = await client.mget([history_key(user) for user in users])
    histories = {u: _HISTORY.decode(s) if s else {} for u, s in zip(users, stored, strict=True)}
    for event in events:
        merge(histories[event.user], event)
    lists = model.recommend([histories[user] for user in users])
    pipe = client.pipeline(transaction=False)
    for user, listed in zip(users, lists, strict=True):
        pipe.set(history_key(user), _JSON.encode(histories[user]), ex=TTL_S)
        pipe.set(list_key(user), _JSON.encode(listed), ex=TTL_S)
    await pipe.execute()


def main(arguments: Sequence[str]) -> None:
    """Work until the process is stopped."""
    bootstrap, topic, redis_url, model, *counts = arguments
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="upnext-obvious-worker-") as folder:
        app = faust.App(
            GROUP,
            broker=f"kafka://{bootstrap}",
            store="memory://",
            datadir=folder,
            key_serializer="raw",
            value_serializer="raw",
            topic_disable_leader=True,
            topic_allow_declare=False,
            web_enabled=False,
            broker_session_timeout=90.0,  # it is stopped while others have their turn
        )
        marks = [int(count) for count in counts]
        agent = _agent(redis.asyncio.Redis.from_url(redis_url), Model(model), marks)
        app.agent(app.topic(topic, value_serializer="raw"))(agent)
        faust.Worker(
            app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False
        ).execute_from_commandline()


def _agent(client: redis.asyncio.Redis, model: Model, marks: list[int]) -> Any:  # noqa: ANN401 - Faust has no types
    async def recommend(stream: Any) -> None:  # noqa: ANN401 - as above
        seen = 0
        async for batch in stream.take(100, within=0.02):
            await apply(client, model, [_EVENT.decode(payload) for payload in batch])
            seen += len(batch)
            while marks and marks[0] <= seen:
                sys.stdout.write(f"seen {marks.pop(0)}\n")
                sys.stdout.flush()

    return recommend


if __name__ == "__main__":
    main(sys.argv[1:])
