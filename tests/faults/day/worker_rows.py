"""Rows in which a worker is broken."""

from __future__ import annotations

import signal
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from tests.faults.day.breaking import send_backlog, under_load
from tests.faults.day.flaws import POISON, READ, STALLED
from tests.faults.day.ledger import numbered
from tests.faults.day.stage import SESSION_S
from tests.faults.day.table import Outcome, row, took_effect
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.day.stage import Stage

ZOMBIE_S = SESSION_S + 4
LONG_SESSION_S = 40
OWN_ERROR = 70
BUGS = 3
QUEUE = 4_096  # events that Faust hands over to an agent before it waits
BACKLOG = 20_000


@row(
    "a worker is killed",
    promise="its work comes again, and has its effect once",
    how="SIGKILL in the middle of a batch, 2 workers on 4 partitions, started again at once",
    quick=True,
)
def worker_killed(stage: Stage) -> Outcome:
    """Kill one of two workers amid a batch."""
    return kill_amid_a_batch(stage)


@row(
    "a worker with a static id is killed",
    promise="the same; it takes its partitions up as soon as it has started",
    how=f"as above, each with an --instance of its own, and a session of {LONG_SESSION_S} s",
)
def static_worker_killed(stage: Stage) -> Outcome:
    """Kill one of two static members amid a batch, long before its session is over."""
    flags = {"session-timeout-s": str(LONG_SESSION_S)}
    return kill_amid_a_batch(stage, static=True, flags=flags)


def kill_amid_a_batch(stage: Stage, flaws: Sequence[str] = (), **more: Any) -> Outcome:  # noqa: ANN401 - as `Stage.start_worker`
    """Kill one of two workers while it has work in hand."""
    victim, _ = stage.start_workers(2, flaws=["slow=0.05", *flaws], **more)
    with under_load(stage):
        victim.wait_until_in_a_batch()
        victim.signal(signal.SIGKILL)
    counts = stage.count()
    again = counts.redelivered
    return Outcome(counts, took_effect(f"{again} events came again", happened=again > 0))


@row(
    "a worker is stopped in the middle of a batch",
    promise="it ends by itself, its work is finished or comes again",
    how="SIGTERM while a batch of 0.5 s is in hand, 2 workers on 4 partitions; it comes back",
)
def worker_stopped(stage: Stage) -> Outcome:
    """Stop one of two workers amid a batch, and start another in its place."""
    victim, _ = stage.start_workers(2, flaws=["slow=0.5"])
    with under_load(stage):
        victim.wait_until_in_a_batch()
        victim.signal(signal.SIGTERM)
        in_hand = victim.is_in_a_batch
        stage.mark()
        victim.wait_until_started_again()
    counts = stage.count()
    told = f"ended with status {victim.exits}, {counts.redelivered} events came again"
    return Outcome(counts, took_effect(told, happened=in_hand and victim.exits == [0]))


@row(
    "a worker joins, and leaves again",
    promise="users move between workers, none is lost or mixed up",
    how="a second worker comes to 4 partitions under load, and later goes with SIGTERM",
)
def joins_and_leaves(stage: Stage) -> Outcome:
    """Let a second worker come and go."""
    return join_and_leave(stage, static=False)


@row(
    "a worker with a static id joins, and leaves again",
    promise="the same; what it leaves waits for the session's end",
    how="as above, each worker with an --instance of its own",
)
def static_joins_and_leaves(stage: Stage) -> Outcome:
    """Let a second static member come and go."""
    return join_and_leave(stage, static=True)


def join_and_leave(stage: Stage, *, static: bool) -> Outcome:
    """Let a second worker come to a first one under load, and go again."""
    stage.start_workers(1, static=static)
    with under_load(stage):
        second = stage.start_worker(static=static)
        stage.mark()
        second.wait_until_it_has_work()
        time.sleep(1)
        status = second.leave()
    told = f"the second took {second.delivered} events, and ended with status {status}"
    return Outcome(stage.count(), took_effect(told, happened=second.delivered > 0))


@row(
    "a worker joins a backlog",
    promise="what the first one holds and can't take is given away, and it works on",
    how=f"{BACKLOG:,} events at once to a worker whose writes take 0.5 s; then a second one comes",
)
def joins_a_backlog(stage: Stage) -> Outcome:
    """Let a second worker come while more events wait than the first one's queue takes."""
    first = stage.start_workers(1, flaws=["slow_write=0.5"])[0]
    send_backlog(stage, BACKLOG)
    wait_until(lambda: first.has_work, what="the first worker has work")
    second = stage.start_worker()
    second.wait_until_it_has_work()
    waiting = len(stage.ledger.entries) - first.delivered
    counts = stage.count(120)
    told = f"{waiting:,} events waited when the second came, which took {second.delivered:,}"
    return Outcome(counts, took_effect(told, happened=waiting > QUEUE and second.delivered > 0))


@row(
    "a worker freezes and comes back as a zombie",
    promise="it can't overwrite what others wrote meanwhile",
    how=f"SIGSTOP between reading and writing for {ZOMBIE_S} s, session {SESSION_S} s; SIGCONT",
)
def zombie(stage: Stage) -> Outcome:
    """Freeze one of two workers until its partitions are given away, then let it go on."""
    return freeze_and_wake(stage)


def freeze_and_wake(stage: Stage, flaws: Sequence[str] = ()) -> Outcome:
    """Freeze a worker with users read and not yet written, and wake it when others have them."""
    sleeper, _ = stage.start_workers(2, flaws=["slow_write=0.3", *flaws])
    with under_load(stage, rate=40):
        before = sleeper.said(READ)
        wait_until(lambda: sleeper.said(READ) > before, what="users are read, and not written")
        in_hand = sleeper.freeze()
        stage.mark()
        time.sleep(ZOMBIE_S)
        sleeper.signal(signal.SIGCONT)
    counts = stage.count()
    again = counts.redelivered
    told = f"{again} events went to another worker meanwhile"
    return Outcome(counts, took_effect(told, happened=in_hand and again > 0))


@row(
    "the event loop is blocked",
    promise="heartbeats go on, or the work comes again",
    how=f"the loop's thread sleeps for {ZOMBIE_S} s in one of 2 workers, session {SESSION_S} s",
)
def loop_blocked(stage: Stage) -> Outcome:
    """Block the event loop of one worker."""
    return stall(stage, "blocks_loop")


@row(
    "a C extension holds the GIL",
    promise="the work comes again, and has its effect once",
    how=f"all threads stand still for {ZOMBIE_S} s in one of 2 workers, session {SESSION_S} s",
)
def gil_held(stage: Stage) -> Outcome:
    """Let no thread of one worker run."""
    return stall(stage, "holds_gil")


def stall(stage: Stage, flaw: str) -> Outcome:
    """Wait until a worker with this flaw has stalled, and is over it."""
    stage.start_workers(2, flaws=[f"{flaw}={ZOMBIE_S}"])
    with under_load(stage):
        stage.order(flaw)
        stage.wait_for_log(STALLED)
    counts = stage.count()
    told = f"stood still for {ZOMBIE_S} s, {counts.redelivered} events came again"
    return Outcome(counts, took_effect(told, happened=STALLED in stage.crew.log()))


@row(
    "a bug in the worker's own code",
    promise="the process ends without acknowledging, and its work comes again",
    how=f"raises when it is told to, {BUGS} times, in one of 2 workers; they are started again",
)
def bug_in_the_worker(stage: Stage) -> Outcome:
    """Let workers run into a bug, again and again."""
    stage.start_workers(2, flaws=["bug"])
    with under_load(stage):
        for _ in range(BUGS):
            stage.crew.wait_for_an_end(lambda: stage.order("bug"))
    exits = stage.crew.exits()
    told = f"ends with status {exits}"
    return Outcome(stage.count(), took_effect(told, happened=exits == [OWN_ERROR] * BUGS))


@row(
    "an event that always fails",
    promise="it is parked after three attempts alone, and its partition goes on",
    how="8 events among the others make the fold-in raise",
    runs=1,
)
def poisonous_event(stage: Stage) -> Outcome:
    """Send events that no attempt survives, among others."""
    stage.start_workers(2, flaws=["poisonous"])
    with under_load(stage):
        send_poison(stage, 8)
    counts = stage.count()
    reasons = [letter.reason for letter in stage.letters.letters.values()]
    told = f"{len(reasons)} dead letters, all with the reason failed"
    return Outcome(counts, took_effect(told, happened=reasons == ["failed"] * 8))


def send_poison(stage: Stage, number: int) -> None:
    """Send events of the user with whom flawed workers fail."""
    for event in islice(numbered(seed=99), number):
        stage.ledger.send(event | {"user": POISON})


@row(
    "nobody reads the worker's log",
    promise="it goes on without its log",
    how="stderr is a full pipe that is never read",
    runs=1,
)
def log_blocked(stage: Stage) -> Outcome:
    """Let a worker write its log to a full pipe."""
    worker = stage.start_worker(flaws=["blocked_log"])
    stage.wait_until_serving([worker])
    with under_load(stage):
        for payload in (b"not an event",) * 50:  # each is worth a line of the log
            stage.ledger.send_bytes(payload)
    counts = stage.count()
    told = f"{counts.parked} dead letters, of which the log says nothing"
    silent = "dead letter" not in stage.crew.log()
    return Outcome(counts, took_effect(told, happened=silent and counts.parked == 50))
