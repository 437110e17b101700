"""Rows in which Redis is broken."""

from __future__ import annotations

import resource
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.faults.day.breaking import full, read_only, refusals, under_load
from tests.faults.day.fail_over import OlderCopy
from tests.faults.day.night_after import healed
from tests.faults.day.table import Outcome, row, took_effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from deploy.embedded.redis_server import EmbeddedRedis
    from tests.faults.day.stage import Stage


def attempts(stage: Stage) -> int:
    """Count what the workers said of a Redis that can't do it; the log has a limit to it."""
    return stage.crew.log().count("Redis can't do it now")


@row(
    "Redis is killed, back after 3 s",
    promise="the worker waits and tries again; nothing is lost",
    how="SIGKILL under traffic, and a start with its append-only file",
    quick=True,
)
def killed_for_3_s(stage: Stage) -> Outcome:
    """Kill Redis for a moment."""
    return _killed(stage, away_s=3)


@row(
    "Redis is killed, back after 15 s",
    promise="the worker waits and tries again; nothing is lost",
    how="SIGKILL under traffic, and a start with its append-only file",
)
def killed_for_15_s(stage: Stage) -> Outcome:
    """Kill Redis for longer than anything else may be away."""
    return _killed(stage, away_s=15)


def _killed(stage: Stage, away_s: float) -> Outcome:
    stage.start_workers(1)
    with under_load(stage):
        stage.redis.kill()
        time.sleep(away_s)
        waiting, tried = stage.pending(), attempts(stage)
        stage.redis.start()
    proof = f"{waiting} events waited, the worker said {tried} times why"
    counts = stage.count()
    return Outcome(counts, took_effect(proof, happened=bool(waiting and tried)))


@row(
    "Redis loses its last second",
    promise="what was in it is lost until the next refresh, which knows it from the archive",
    how="its folder is copied; a second of traffic later it is killed, and gets the copy back",
)
def last_second_lost(stage: Stage) -> Outcome:
    """Let Redis fall back by a second."""
    copy = OlderCopy(stage.redis, stage.folder / "redis")
    stage.start_workers(1)
    with under_load(stage):
        copy.take()
        time.sleep(1)
        copy.put_back()
    return healed(stage)


@row(
    "Redis is full",
    promise="the worker waits and tries again; nothing is lost",
    how="CONFIG SET maxmemory below what it holds, for 2 s",
)
def memory_full(stage: Stage) -> Outcome:
    """Let Redis refuse whatever takes memory."""
    return _refused(stage, "OOM", full)


@row(
    "Redis refuses to write",
    promise="the worker waits and tries again; nothing is lost",
    how="REPLICAOF nobody for 2 s, then REPLICAOF NO ONE",
)
def writes_refused(stage: Stage) -> Outcome:
    """Make Redis a replica without a primary."""
    return _refused(stage, "READONLY", read_only)


def _refused(
    stage: Stage, kind: str, fault: Callable[[EmbeddedRedis], AbstractContextManager[None]]
) -> Outcome:
    stage.start_workers(1)
    with under_load(stage), fault(stage.redis):
        time.sleep(2)
    refused = refusals(stage.redis, kind)
    counts = stage.count()
    return Outcome(counts, took_effect(f"{refused} times {kind}", happened=refused > 0))


@row(
    "the disk under Redis is full",
    promise="the worker waits and tries again; nothing is lost",
    how="prlimit lets the append-only file grow no further for 2 s, so that Redis says MISCONF",
)
def disk_full(stage: Stage) -> Outcome:
    """Take the disk away under the append-only file."""
    # By default the signal that tells of the limit ends a process; a full disk sends none.
    ignoring = stage.folder / "redis-server"
    ignoring.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {stage.redis._binary} \"$@\"\n")
    ignoring.chmod(0o755)
    stage.redis.stop()
    stage.redis._binary = ignoring
    stage.redis.start()
    size = sum(file.stat().st_size for file in (stage.folder / "redis").rglob("*.aof"))

    @contextmanager
    def disk_is_full(server: EmbeddedRedis) -> Iterator[None]:
        _limit_files(server.pid, size)
        yield
        _limit_files(server.pid, resource.RLIM_INFINITY)

    return _refused(stage, "MISCONF", disk_is_full)


def _limit_files(pid: int, size: int) -> None:
    """Let no file of a process grow beyond a size; what is larger already stays as it is."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
