"""A plain aiokafka loop around the worker's own body: what Faust costs on top of it.

``python -m tests.benchmarks.day.plain_loop BOOTSTRAP TOPIC REDIS_URL PREFIX MAX_BATCH [COUNT...]``
writes a line ``seen COUNT`` when it has seen that many.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import uvloop
from aiokafka import AIOKafkaConsumer

from data.interaction import EventLimits
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.user_store import UserStore
from stream_inference.batch_bound import DEFAULT_MAX_BATCH_S, BatchBound
from stream_inference.dead_letters import Message, Origin
from stream_inference.hot_swap import HotSwap
from stream_inference.micro_batch import MicroBatches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_inference.dead_letters import DeadLetter

_COMMIT_S: Final = 1.0  # as the worker


def main(arguments: Sequence[str]) -> None:
    """Work until the process is stopped."""
    bootstrap, topic, redis_url, prefix, max_batch, *counts = arguments
    marks = [int(count) for count in counts]
    batches = _batches(redis_url, RedisKeys(prefix), int(max_batch))
    gc.set_threshold(50_000)  # as the worker
    uvloop.run(_consume(bootstrap, topic, batches, marks))


def _batches(redis_url: str, keys: RedisKeys, max_batch: int) -> MicroBatches:
    client = connect(redis_url)
    swap = HotSwap(ModelStore(client, keys))
    swap.poll()
    bound = BatchBound(max_batch, DEFAULT_MAX_BATCH_S)
    return MicroBatches(UserStore(client, keys), swap, EventLimits(), _refuse, bound=bound)


async def _refuse(letter: DeadLetter) -> None:
    """End: a benchmark sends nothing that can't be used."""
    raise SystemExit(letter.detail)


async def _consume(bootstrap: str, topic: str, batches: MicroBatches, marks: list[int]) -> None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id="plain",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=90_000,  # it is stopped while others have their turn
    )
    await consumer.start()
    committed = time.monotonic()
    while True:
        fetched = await consumer.getmany(timeout_ms=1_000, max_records=batches.bound.events)
        messages = [_message(record) for records in fetched.values() for record in records]
        if messages:
            await batches.handle(messages)
        if time.monotonic() - committed > _COMMIT_S:
            await consumer.commit()
            committed = time.monotonic()
        while marks and marks[0] <= batches.events:
            sys.stdout.write(f"seen {marks.pop(0)}\n")
            sys.stdout.flush()


def _message(record: Any) -> Message:  # noqa: ANN401 - aiokafka has no types
    return Message(Origin(record.topic, record.partition, record.offset), record.value)


if __name__ == "__main__":
    main(sys.argv[1:])
