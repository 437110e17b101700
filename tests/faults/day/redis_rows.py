"""Rows in which Redis is broken."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING, cast

from deploy.embedded.redis_server import free_port
from tests.faults.day import checker
from tests.faults.day.fail_over import FailOver, OlderCopy, follow
from tests.faults.day.night_after import refresh_from_archive
from tests.faults.day.table import Outcome, row, took_effect
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.day.stage import Stage

BEFORE_S = 1.0  # of traffic, so that the fault finds the stage at work
AFTER_S = 2.5
_PATIENCE_S = 8.0  # what was lost in Redis never comes, so the stage can't settle


def attempts(stage: Stage) -> int:
    """Count what the workers said of a Redis that can't do it; the log has a limit to it."""
    return stage.crew.log().count("Redis can't do it now")


def refusals(stage: Stage, kind: str) -> int:
    """Count the errors of a kind that Redis itself has answered."""
    errors = cast("dict[str, dict[str, int]]", stage.stores.client.info("errorstats"))
    return errors.get(f"errorstat_{kind}", {}).get("count", 0)


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
    with stage.load(seconds=BEFORE_S + away_s + AFTER_S):
        time.sleep(BEFORE_S)
        stage.redis.kill()
        time.sleep(away_s)
        waiting, tried = stage.pending(), attempts(stage)
        stage.redis.start()
        stage.mark()
        time.sleep(AFTER_S)
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
    with stage.load(seconds=BEFORE_S + 1 + AFTER_S):
        time.sleep(BEFORE_S)
        copy.take()
        time.sleep(1)
        copy.put_back()
        stage.mark()
        time.sleep(AFTER_S)
    return _healed(stage, stage.redis.url)


def _healed(stage: Stage, redis_url: str) -> Outcome:
    """Count what Redis lost, refresh, and count again.

    What was sent after the fault is never excused: it had to arrive without the refresh.
    """
    stage.settle(_PATIENCE_S)
    before, gone = checker.count(stage), checker.lost(stage)
    seen = sum(entry.place in stage.witness.seen for entry in gone)
    late = sum(entry.sent_at >= stage.marks[-1] for entry in gone)
    refresh_from_archive(stage, redis_url)
    after = checker.count(stage)
    proof = (
        f"{seen} events that were in Redis were gone, {before.differing} users differed; "
        f"after the refresh {after.lost} and {after.differing}"
    )
    counts = after._replace(
        lost=after.lost + late, recovered_s=before.recovered_s, waited_s=before.waited_s
    )
    return Outcome(counts, took_effect(proof, happened=seen > 0))


@row(
    "Redis fails over to a replica that lags",
    promise="what the replica lacked is lost until the next refresh; the worker follows at once",
    how="replication held for a second of traffic, REPLICAOF NO ONE, connections cut",
)
def fail_over(stage: Stage) -> Outcome:
    """Lead the worker to the replica."""
    return _failed_over(stage, cut=True)


@row(
    "Redis fails over, connections stay open",
    promise="as above; a worker that is refused as READONLY connects anew",
    how="as above, but open connections still lead to the old primary, which is a replica now",
)
def fail_over_uncut(stage: Stage) -> Outcome:
    """Leave the worker with the old primary."""
    return _failed_over(stage, cut=False)


def _failed_over(stage: Stage, *, cut: bool) -> Outcome:
    with FailOver(stage.redis) as pair:
        stage.start_workers(1, flags={"redis-url": pair.url})
        with stage.load(seconds=BEFORE_S + 1 + AFTER_S):
            time.sleep(BEFORE_S)
            pair.lag()
            time.sleep(1)
            pair.promote(cut=cut)
            stage.mark()
            time.sleep(AFTER_S)
        stage.settle(_PATIENCE_S)
        wait_until(pair.in_step)  # the checker reads from the one that follows now
        refused = refusals(stage, "READONLY")
        healed = _healed(stage, pair.url)
        stage.crew.close()
    proof = f"{healed.proof}; {refused} writes refused by the old primary"
    return Outcome(healed.counts, took_effect(proof, happened=cut or refused > 0))


@row(
    "Redis is full",
    promise="the worker waits and tries again; nothing is lost",
    how="CONFIG SET maxmemory below what it holds, for 2 s",
)
def full(stage: Stage) -> Outcome:
    """Let Redis refuse whatever takes memory."""
    config = stage.stores.client.config_set
    return _refused(stage, "OOM", lambda: config("maxmemory", 1), lambda: config("maxmemory", 0))


@row(
    "Redis refuses to write",
    promise="the worker waits and tries again; nothing is lost",
    how="REPLICAOF nobody for 2 s, then REPLICAOF NO ONE",
)
def read_only(stage: Stage) -> Outcome:
    """Make Redis a replica without a primary."""
    client = stage.stores.client
    return _refused(
        stage,
        "READONLY",
        lambda: follow(stage.redis, free_port()),
        lambda: client.replicaof("NO", "ONE"),
    )


def _refused(
    stage: Stage, kind: str, begin: Callable[[], object], end: Callable[[], object]
) -> Outcome:
    stage.start_workers(1)
    with stage.load(seconds=BEFORE_S + 2 + AFTER_S):
        time.sleep(BEFORE_S)
        begin()
        time.sleep(2)
        refused = refusals(stage, kind)
        end()
        stage.mark()
        time.sleep(AFTER_S)
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
    _limit_files(stage.redis.pid, resource.RLIM_INFINITY)
    return _refused(
        stage,
        "MISCONF",
        lambda: _limit_files(stage.redis.pid, size),
        lambda: _limit_files(stage.redis.pid, resource.RLIM_INFINITY),
    )


def _limit_files(pid: int, size: int) -> None:
    """Let no file of a process grow beyond a size; what is larger already stays as it is."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
