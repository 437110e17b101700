"""Where the worker's body spends its CPU time, stage by stage: no Kafka and no Faust."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from data import up_next
from data.interaction import EventLimits, encode
from data.model_store import ModelStore
from data.redis_keys import RedisKeys
from data.scoring import search
from data.user_store import UserStore
from stream_inference import micro_batch, recommend, write_back
from stream_inference.dead_letters import Message, Origin
from stream_inference.hot_swap import HotSwap
from stream_inference.micro_batch import MicroBatches
from tests.benchmarks.day.ground import Ground
from tests.benchmarks.day.traffic import events, uniform
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_inference.dead_letters import DeadLetter
    from tests.benchmarks.world import Size

# What is timed: who is asked for a name when it is called, that name, and what it does.
_STAGES: Final[tuple[tuple[Any, str, str], ...]] = (
    (micro_batch, "sort_out", "decode"),
    (micro_batch, "news_of", "events to states"),
    (UserStore, "_get", "read from Redis"),
    (UserStore, "_stored", "histories from bytes"),
    (write_back, "merge_news", "merge"),
    (up_next, "known_videos", "rows and confidences"),
    (up_next, "fold_in", "fold-in"),
    (search, "_scores", "scores of the longest"),
    (search, "candidates", "best of the scores"),
    (up_next, "top_n", "leave out what is known"),
    (recommend, "up_next", "rows to lists"),
    (UserStore, "compare_and_set_many", "both to bytes"),
    (UserStore, "_run", "write to Redis"),
    (MicroBatches, "_write", "what lies between"),
)


class _Clock:
    """CPU time of this thread, without that of the stages within a stage."""

    def __init__(self) -> None:
        self.seconds = {stage: 0.0 for *_, stage in _STAGES}
        self._inner = 0.0

    def timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """Wrap a function."""

        def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the function takes
            outer, self._inner, start = self._inner, 0.0, time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                taken = time.thread_time() - start
                self.seconds[stage] += taken - self._inner
                self._inner = outer + taken

        return run


@contextmanager
def _watched() -> Iterator[_Clock]:
    """Time every stage for as long as this lasts."""
    clock = _Clock()
    plain = [getattr(owner, name) for owner, name, _ in _STAGES]
    try:
        for (owner, name, stage), function in zip(_STAGES, plain, strict=True):
            setattr(owner, name, clock.timed(function, stage))
        yield clock
    finally:
        for (owner, name, _), function in zip(_STAGES, plain, strict=True):
            setattr(owner, name, function)


def run(
    say: Callable[[str], None], size: Size = LARGE, batches: int = 40, batch: int = 256
) -> Report:
    """Measure; `say` is told what is being done."""
    say(f"stages: training {size.videos:,} videos × {size.factors} factors")
    world = make_world(size)
    with Ground(world) as ground:
        count = batches * batch
        drawn = events(ground.world, uniform(len(world.users), count, 0), ground.start_at)
        messages = [Message(Origin("-", 0, 0), encode(event)) for event in drawn]
        ground.publish("stages")
        ground.reset(["stages"])
        with _watched() as clock:
            start = time.process_time()
            asyncio.run(_handle(ground, messages, batch))
            whole = time.process_time() - start
    seconds = clock.seconds | {"event loop and threads": whole - sum(clock.seconds.values())}
    return Report(
        title="The worker's body, stage by stage",
        conditions=[f"{world}; {batches} batches of {batch} events, of users drawn alike"],
        columns=("", "CPU µs", "share"),
        rows=[
            *(_row(name, taken, count, whole) for name, taken in seconds.items()),
            _row("all", whole, count, whole),
        ],
        notes=[],
    )


def _row(name: str, seconds: float, events: int, whole: float) -> tuple[str, ...]:
    return name, f"{1e6 * seconds / events:.1f}", f"{seconds / whole:.0%}"


async def _handle(ground: Ground, messages: list[Message], batch: int) -> None:
    keys = RedisKeys("stages")
    swap = HotSwap(ModelStore(ground.client, keys))
    swap.poll()
    body = MicroBatches(UserStore(ground.client, keys), swap, EventLimits(), _refuse)
    for first in range(0, len(messages), batch):
        await body.handle(messages[first : first + batch])


async def _refuse(letter: DeadLetter) -> None:
    """End: a benchmark sends nothing that can't be used."""
    raise SystemExit(letter.detail)
