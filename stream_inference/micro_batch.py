"""Micro-batches: from messages to lists in Redis, whatever fails on the way."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from data.defaults import DEFAULT_LENGTH
from data.redis_connection import is_transient
from stream_inference.batch_bound import DEFAULT_MAX_BATCH, DEFAULT_MAX_BATCH_S, BatchBound
from stream_inference.clock import Clock
from stream_inference.dead_letters import DeadLetter, Message, sort_out
from stream_inference.logs import facts
from stream_inference.recommend import news_of
from stream_inference.write_back import write_back

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from data.interaction import EventLimits, Interaction
    from data.user_store import UserStore
    from stream_inference.hot_swap import HotSwap
    from stream_inference.recommend import News

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS_ALONE: Final = 3
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_LOG: Final = logging.getLogger(__name__)


class MicroBatches:
    """Bring messages into Redis, a batch at a time.

    When `handle` returns, every message of the batch is either reflected in Redis or parked as
    a dead letter, and may be acknowledged. While Redis is away it waits and goes on.

    Parameters
    ----------
    store
        Where histories and lists are.
    swap
        Holds the model.
    limits
        Bounds on events.
    park
        Writes a dead letter, and returns when the broker has it.
    length
        Videos in a list.
    bound
        Of the events in a batch, for the caller to keep to.

    Attributes
    ----------
    events, unchanged, other_keys, lost_races, reasons
        Counted since the start: events reflected; users of a batch whose state held all of it
        before; events whose key in Kafka isn't their user; writes done again; dead letters by
        reason.
    bound
        Of the events in a batch.
    """

    def __init__(
        self,
        store: UserStore,
        swap: HotSwap,
        limits: EventLimits,
        park: Callable[[DeadLetter], Awaitable[None]],
        length: int = DEFAULT_LENGTH,
        bound: BatchBound | None = None,
    ) -> None:
        self.bound = bound or BatchBound(DEFAULT_MAX_BATCH, DEFAULT_MAX_BATCH_S)
        self._store = store
        self._swap = swap
        self._limits = limits
        self._park = park
        self._length = length
        self._clock = Clock()
        # Redis and the numerics run beside the event loop, which goes on fetching and heartbeating.
        self._patiently = Patience(ThreadPoolExecutor(1, thread_name_prefix="micro-batch"))
        self.events = 0
        self.unchanged = 0
        self.other_keys = 0
        self.lost_races = 0
        self.reasons: Counter[str] = Counter()

    @property
    def dead_letters(self) -> int:
        """All dead letters since the start."""
        return self.reasons.total()

    @property
    def retries(self) -> int:
        """Calls that were done again because Redis was away or refused."""
        return self._patiently.retries

    async def handle(self, messages: Sequence[Message]) -> None:
        """Reflect or park every message; only an error in this code itself is raised."""
        good, dead = sort_out(messages, self._limits, self._clock.now_ms())
        for letter in dead:
            await self._bury(letter)
        self._count_other_keys(good)
        if good:
            try:
                await self._apply([event for _, event in good])
            except Exception:  # noqa: BLE001 - one bad event must not stop its partition
                _LOG.exception("a batch of %d events failed; trying them one by one", len(good))
                for message, event in good:
                    await self._apply_alone(message, event)

    def _count_other_keys(self, good: Sequence[tuple[Message, Interaction]]) -> None:
        """Count events of a sender with another idea of the user; the payload rules."""
        others = [pair for pair in good if not pair[0].is_keyed_by(pair[1].user)]
        if others:
            self.other_keys += len(others)
            message, event = others[0]
            place = facts(**message.origin._asdict(), key=message.key, user=event.user)
            _LOG.warning("a key is not its event's user, which rules", extra=place)

    async def _apply_alone(self, message: Message, event: Interaction) -> None:
        """Try one event a few times, then park it, so that it can't stop its partition."""
        for attempt in range(1, ATTEMPTS_ALONE + 1):
            try:
                await self._apply([event])
            except Exception as error:  # noqa: BLE001 - as above
                _LOG.exception("%s failed, attempt %d", message.origin, attempt)
                if attempt == ATTEMPTS_ALONE:
                    await self._bury(DeadLetter.of(message, "failed", _described(error)))
            else:
                return

    async def _apply(self, events: Sequence[Interaction]) -> None:
        await self._patiently(self._write, news_of(events))
        self.events += len(events)

    def _write(self, news: News) -> None:
        """Write back; where a list in Redis is of a later activation, follow it and do it again."""
        while news:
            serving = self._swap.serving
            made_with = serving or self._swap.popular
            outcome = write_back(self._store, made_with, news, self._length)
            self.lost_races += outcome.lost_races
            self.unchanged += outcome.unchanged
            self.bound.learn(outcome.lists, outcome.ranking_s)
            news = {user: news[user] for user in outcome.list_is_newer}
            if news:
                self._swap.poll()
            if news and self._swap.serving is serving:  # else it moved, here or by the pulse
                _LOG.warning(
                    "%d lists were made by a later model, which this worker can't load (%s): "
                    "their histories are kept up to date, the lists wait for the next event "
                    "or refresh",
                    len(news),
                    self._swap.trouble,
                )
                return

    async def _bury(self, letter: DeadLetter) -> None:
        await self._park(letter)
        self.reasons[letter.reason] += 1
        told = facts(
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.offset,
            reason=letter.reason,
            detail=letter.detail,
        )
        _LOG.warning("dead letter", extra=told)


def _described(error: Exception) -> str:
    """Name and message; the errors of Redis's client leave the message out of their `repr`."""
    return f"{type(error).__name__}: {error}"


class Patience:
    """Runs functions in a thread until Redis is there for them, with growing pauses and jitter.

    Attributes
    ----------
    retries
        Counted since the start.
    """

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self.retries = 0

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function, as often as it takes."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._executor, lambda: function(*args, **kwargs)
                )
            except Exception as error:
                if not is_transient(error):
                    raise
                what = _described(error)
                _LOG.warning("Redis can't do it now (%s); again in about %.2f s", what, pause)
            self.retries += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE_S)
