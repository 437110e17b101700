"""What a worker tells of its partitions."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn

from stream_inference.faust_worker import partitions
from tests.unit.stream_inference.handed import FIRST, Handed

if TYPE_CHECKING:
    import pytest


def test_a_question_without_answer_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where Kafka does not tell where a worker goes on, nothing goes on asking in its client."""
    monkeypatch.setattr(partitions, "_ASK_S", 0.05)
    caplog.set_level(logging.WARNING)
    taken_back = asyncio.Event()

    async def never(_: object) -> NoReturn:
        try:
            await asyncio.Event().wait()
        finally:
            taken_back.set()
        raise AssertionError

    async def ask() -> None:
        handed = Handed(room=1)
        handed.close()
        thread = handed.consumer._thread
        thread.thread_loop = asyncio.get_running_loop()
        thread._consumer = SimpleNamespace(beginning_offsets=never)
        told = partitions.Partitions(handed.app, "events")
        await told._tell_places([FIRST])
        await asyncio.wait_for(taken_back.wait(), 5)

    asyncio.run(ask())
    assert "does not tell where this worker goes on" in caplog.text
