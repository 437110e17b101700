"""A worker whose log nobody reads does its work."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.integration.world import PATIENCE_S, expect, send, stale, traffic
from tests.unit.stream_inference.test_logs import drain, fill
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.embedded.stack import EmbeddedStack
    from tests.integration.world import Stores

BLOCKED_S: Final = 6.0  # twice what a worker takes from its start to the first list
WORKER: Final = [sys.executable, "-m", "deploy.cli"]
PLAIN: Final = """
import logging
from deploy import cli
from stream_inference import logs
class Plain(logging.StreamHandler):
    dropped = 0
    def __init__(self, fd): super().__init__()
logs.Pipe = Plain
cli.main()
"""


@contextmanager
def unread(stack: EmbeddedStack, command: list[str]) -> Iterator[int]:
    """Run a worker whose log goes into a pipe that is full; gives the other end of it."""
    stack.stop_worker()
    reader, writer = os.pipe()
    fill(writer)
    command = [*command, *stack.worker_words()]
    environment = stack.worker_environment()
    worker = subprocess.Popen(command, stderr=writer, stdout=writer, env=environment)
    os.close(writer)
    try:
        yield reader
    finally:
        os.close(reader)
        worker.kill()
        worker.wait()


def test_nobody_reads_the_log(stack: EmbeddedStack, stores: Stores) -> None:
    """Events become lists though the log is full, and its reader finds the lines later."""
    events = traffic(["unread"], 20, seed=11)
    with unread(stack, WORKER) as reader:
        send(stack, events)
        wait_until(lambda: not stale(stores, expect(events)), PATIENCE_S, poll=0.1)
        assert b"UpNext worker version=" in drain(reader, b"partition 3: ")


@pytest.mark.slow
def test_plain_handler_hangs(stack: EmbeddedStack, stores: Stores) -> None:
    """The control: with a plain handler the worker hangs until somebody reads its log."""
    events = traffic(["plainly unread"], 20, seed=12)
    with unread(stack, [sys.executable, "-c", PLAIN]) as reader:
        send(stack, events)
        with pytest.raises(TimeoutError):
            wait_until(lambda: not stale(stores, expect(events)), BLOCKED_S, poll=0.1)
        drain(reader, b"partition 3: ")
        wait_until(lambda: not stale(stores, expect(events)), PATIENCE_S, poll=0.1)
