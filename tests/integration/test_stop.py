"""A worker that is told to stop ends: in order if it can, and soon whatever hangs."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from deploy.embedded.leash import Leashed
from deploy.embedded.stack import EmbeddedStack
from stream_inference.stopping import EXIT_REFUSED, EXIT_UNFINISHED
from tests.conftest import start_kafka
from tests.integration.world import (
    NOW_MS,
    PATIENCE_S,
    Stores,
    progress,
    send,
    traffic,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.embedded.kafka import EmbeddedKafka

GRACE_S: Final = 1.0
SILENCE_S: Final = 5.0
SOON_S: Final = 5.0  # the grace, and what a busy machine takes
IN_VAIN_S: Final = 60.0
HANGS: Final = """
import ctypes, sys
from deploy import cli  # as the command does it: threads of BLAS come with it
from stream_inference.micro_batch import MicroBatches
async def handle(self, messages):
    print("the loop hangs", file=sys.stderr, flush=True)
    ctypes.CDLL(None).sleep(600)
MicroBatches.handle = handle
cli.main()
"""


@pytest.fixture(scope="module")
def shared(kafka: EmbeddedKafka) -> Iterator[EmbeddedStack]:
    """Give a stack on a real Kafka."""
    flags = {"stop-grace-s": str(GRACE_S), "max-batch": "16"}
    with EmbeddedStack(partitions=2, worker_flags=flags, kafka=kafka) as stack:
        yield stack


@pytest.fixture
def stack(shared: EmbeddedStack) -> Iterator[EmbeddedStack]:
    """Give the stack without a worker."""
    shared.stop_worker()
    shared.worker_log.unlink(missing_ok=True)
    yield shared
    shared.stop_worker()


def stop(worker: Leashed, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """Send a signal; gives the exit status and the seconds that the end took."""
    start = time.monotonic()
    worker.kill(number)
    return worker.wait(IN_VAIN_S), time.monotonic() - start


def says(stack: EmbeddedStack, words: str) -> None:
    """Wait until the worker has said something."""
    wait_until(lambda: words in stack.worker_log.read_text(), PATIENCE_S, what=words)


def test_stop_in_order(stack: EmbeddedStack) -> None:
    """Amid events the batch in hand is finished, and just what is in Redis is acknowledged."""
    worker, stores = stack.start_worker(), Stores.at(stack.redis_url)
    says(stack, "partition 1: ")
    users = [f"user{number}" for number in range(6_000)]
    before = progress(stack).acknowledged
    worker.kill(signal.SIGSTOP)  # or a quick worker is through before the stop
    send(stack, [{"user": u, "video": "v1", "kind": "like", "at": NOW_MS} for u in users])
    worker.kill(signal.SIGCONT)
    wait_until(lambda: reflected(stores, users[:4]), PATIENCE_S)
    status, seconds = stop(worker)
    assert (status, seconds < SOON_S) == (0, True), worker.log_tail()
    assert stores.heartbeats.alive() == []
    done = reflected(stores, users)
    assert 0 < done < len(users), "the stop came too early or too late"
    assert progress(stack).acknowledged - before == done
    stores.client.close()


def reflected(stores: Stores, users: list[str]) -> int:
    """Count the users who have a history."""
    return sum(len(stored.history) > 0 for stored in stores.users.read_many(users))


@pytest.mark.slow
def test_redis_hangs(stack: EmbeddedStack) -> None:
    """With a batch that Redis doesn't take, the worker ends when the grace is over."""
    worker = stack.start_worker()
    says(stack, "partition 1: ")
    os.kill(stack.redis.pid, signal.SIGSTOP)
    try:
        send(stack, traffic(["held"], 20, seed=3))
        assert_unfinished(stack, stop(worker))
    finally:
        os.kill(stack.redis.pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.parametrize("twice", [False, True], ids=["told once", "told twice"])
def test_loop_hangs(stack: EmbeddedStack, *, twice: bool) -> None:
    """With its event loop blocked a worker ends after the grace, or at once if told twice."""
    command = [sys.executable, "-c", HANGS, *stack.worker_words()]
    environment = stack.worker_environment() | {"OPENBLAS_NUM_THREADS": "4"}
    with Leashed(command, log=stack.worker_log, env=environment) as worker:
        send(stack, traffic(["blocked"], 20, seed=4))
        says(stack, "the loop hangs")
        if twice:
            worker.kill(signal.SIGTERM)
            says(stack, "stops after the batch in hand")
            status, seconds = stop(worker, signal.SIGINT)
            assert (status, seconds < GRACE_S) == (128 + signal.SIGINT, True)
        else:
            assert_unfinished(stack, stop(worker))


def assert_unfinished(stack: EmbeddedStack, ended: tuple[int, float]) -> None:
    """Make sure that a worker ended by the watchdog, after the grace, and said so."""
    status, seconds = ended
    told = stack.worker_log.read_text()
    assert status == EXIT_UNFINISHED, told
    assert GRACE_S <= seconds < SOON_S
    assert "no end in order within 1 s" in told
    assert not list(stack.worker_log.parent.glob("upnext-worker*")), "left behind"
    assert progress(stack).left > 0


def test_start_waits_for_what_is_not_there(stack: EmbeddedStack, kafka: EmbeddedKafka) -> None:
    """A worker says for what it waits, goes on once it is there, and a signal ends the waiting."""
    topic = f"later.{stack.group}"
    command = [sys.executable, "-m", "deploy.cli", *stack.worker_words(), "--events-topic", topic]
    environment = stack.worker_environment()
    with Leashed(command, log=stack.worker_log, env=environment) as worker:
        says(stack, f"has no topic {topic}")
        status, seconds = stop(worker)
        assert (status, seconds < GRACE_S) == (0, True), worker.log_tail()
    stack.worker_log.unlink()
    with Leashed(command, log=stack.worker_log, env=environment) as worker:
        says(stack, "Waiting for it")
        kafka.create_topics({topic: 1})
        says(stack, "partition 0: from the beginning")
        assert stop(worker)[0] == 0


@pytest.mark.waits
def test_patience_ends(stack: EmbeddedStack) -> None:
    """A Redis that isn't there in time ends the start with 1 and what to do about it."""
    where = ["--redis-url", "redis://me:secret@127.0.0.1:1/0"]
    words = [*stack.worker_words(), *where, "--start-patience-s", "0"]
    command = [sys.executable, "-m", "deploy.cli", *words]
    with Leashed(command, log=stack.worker_log, env=stack.worker_environment()) as worker:
        assert worker.wait(IN_VAIN_S) == 1
    told = stack.worker_log.read_text()
    last = told.splitlines()[-1]
    assert "ERROR stream_inference.stopping: ends with status 1: Redis at " in last
    assert "does not answer" in last
    assert "--redis-url, UPNEXT_REDIS_URL" in last
    assert "Traceback" not in told
    assert "secret" not in told


def test_session_timeout_that_kafka_refuses(stack: EmbeddedStack) -> None:
    """A session timeout that the broker does not take ends the worker, and names the setting."""
    words = [*stack.worker_words(), "--session-timeout-s", "3"]
    command = [sys.executable, "-m", "deploy.cli", *words]
    with Leashed(command, log=stack.worker_log, env=stack.worker_environment()) as worker:
        assert worker.wait(IN_VAIN_S) == EXIT_REFUSED
    last = stack.worker_log.read_text().splitlines()[-1]
    assert "refuses session_timeout_s = 3: it must lie between" in last
    assert "--session-timeout-s" in last


@pytest.mark.waits
def test_two_workers_with_one_instance(stack: EmbeddedStack) -> None:
    """The worker whose place another one takes ends and names the setting; the other works on."""
    first = stack.start_worker()
    says(stack, "partition 1: ")
    log = stack.worker_log.with_name("second.log")
    command = [sys.executable, "-m", "deploy.cli", *stack.worker_words()]
    with Leashed(command, log=log, env=stack.worker_environment()) as second:
        assert first.wait(IN_VAIN_S) == EXIT_REFUSED
        last = stack.worker_log.read_text().splitlines()[-1]
        assert "two workers have --instance embedded" in last
        send(stack, traffic(["left"], 20, seed=5))
        wait_until(lambda: progress(stack).left == 0, PATIENCE_S)
        assert "--instance" not in log.read_text()
        assert stop(second)[0] == 0


@pytest.mark.waits
def test_broker_is_gone() -> None:
    """Without a broker a worker is told to stop in vain, ends soon, and keeps to its log."""
    flags = {"log-format": "json"}
    with start_kafka() as broker, EmbeddedStack(1, flags, broker) as alone:
        worker = alone.start_worker()
        says(alone, "partition 0: ")
        broker.kill()
        says(alone, "NodeNotReadyError")
        status, seconds = stop(worker)
        assert (status, seconds < SILENCE_S + SOON_S) == (EXIT_UNFINISHED, True)
        lines = [json.loads(line) for line in alone.worker_log.read_text().splitlines()]
    assert "Kafka has not answered for 5 s" in lines[-1]["message"]
