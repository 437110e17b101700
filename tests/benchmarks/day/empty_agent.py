"""Faust as it is, doing nothing with its events but count them; run as a process of its own.

``python -m tests.benchmarks.day.empty_agent BOOTSTRAP TOPIC GROUP COUNT...`` writes a line
``seen COUNT`` when it has seen that many.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import faust
import uvloop

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    """Count until the process is stopped."""
    bootstrap, topic, group, *counts = arguments
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="upnext-empty-agent-") as folder:
        app = faust.App(
            group,
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
        app.agent(app.topic(topic, value_serializer="raw"))(_counter({int(n) for n in counts}))
        faust.Worker(
            app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False
        ).execute_from_commandline()


def _counter(marks: set[int]) -> Any:  # noqa: ANN401 - Faust has no types
    async def count(stream: Any) -> None:  # noqa: ANN401 - as above
        seen = 0
        async for _ in stream:
            seen += 1
            if seen in marks:
                sys.stdout.write(f"seen {seen}\n")
                sys.stdout.flush()

    return count


if __name__ == "__main__":
    main(sys.argv[1:])
