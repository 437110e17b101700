"""Rows in which a rebalance meets what it hardly ever meets by chance."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer

from tests.faults.day.breaking import send_backlog, under_load
from tests.faults.day.races import LATE_S, MET_FULL, MET_SEEK, SEEKS, SOUGHT
from tests.faults.day.table import Outcome, row, took_effect
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.faults.day.crew import Worker
    from tests.faults.day.stage import Stage

TIMES: Final = 3  # in each run
BACKLOG: Final = 6_000
_FETCH: Final = 64
_LASTS_S: Final = 1.5  # a rebalance: longer than a worker waits between two commits
_FLAWS: Final = (f"small_fetches={_FETCH}", "slow_write=0.2")
_PATIENCE_S: Final = 10.0  # without a move
_POLL_S: Final = 0.02
_WAITS: Final = "Heartbeat failed"  # because of a rebalance: it joins anew


@row(
    "a rebalance begins as a full queue gets room",
    promise="what waits for room is left, as what stood before it is, and comes again with it",
    how=f"held back until the agent takes from the full queue, {TIMES} times, then {_LASTS_S:g} s"
    f" long; fetches of {_FETCH} events, {BACKLOG:,} wait",
)
def meets_full_queue(stage: Stage) -> Outcome:
    """Begin rebalances as room is made, by a member that comes; another one is slow to answer."""
    worker = _start(stage, "meets_full_queue")
    with _member(stage, "other") as other:
        _serve(worker, [other])
        for met in range(1, TIMES + 1):
            stage.order("meets_full_queue")
            with _member(stage, "third") as third:
                _wait_for(worker, MET_FULL, met)
                time.sleep(_LASTS_S)  # the other one does not answer
                _serve(worker, [other, third])
            _serve(worker, [other])
    return _outcome(stage, worker, MET_FULL)


@row(
    "a seek ends within the next rebalance",
    promise="nothing is handed over before the queues are emptied, so nothing is passed over",
    how=f"it is held back until then, {TIMES} times, and what a seek gives comes {LATE_S:g} s late;"
    f" fetches of {_FETCH} events, {BACKLOG:,} wait",
)
def seek_outlasts(stage: Stage) -> Outcome:
    """Let seeks last longer than the peace between two rebalances."""
    return race_of_seeks(stage)


@row(
    "control: Faust's own seek",
    promise="it must lose what it hands over before the queues are emptied",
    how="the seeks of above, and a worker that hands over while it goes back",
    runs=1,
    control="lost",
)
def seeks_amid_the_flow(stage: Stage) -> Outcome:
    """Let a worker hand over while it goes back to what is committed."""
    return race_of_seeks(stage, "seeks_amid_the_flow")


def race_of_seeks(stage: Stage, *flaws: str) -> Outcome:
    """Let a member come, and go while the worker still seeks; another one is slow then."""
    worker = _start(stage, *flaws, "seek_outlasts")
    with _member(stage, "other") as other:
        _serve(worker, [other])
        for met in range(1, TIMES + 1):
            stage.order("seek_outlasts")
            with _member(stage, "third") as third:
                _wait_for(worker, SEEKS, met, [other, third])
            _wait_for(worker, MET_SEEK, met)
            time.sleep(_LASTS_S)  # the other one does not answer
            _serve(worker, [other])
    return _outcome(stage, worker, MET_SEEK)


@row(
    "a worker is stopped in the middle of a rebalance",
    promise="it ends in order when all have joined, and what it left comes to the next one",
    how=f"SIGTERM when it waits for another member, which answers {_LASTS_S:g} s later; under load",
)
def stopped_amid_a_rebalance(stage: Stage) -> Outcome:
    """Stop a worker while it joins its group anew, and start another one in its place."""
    (worker,) = stage.start_workers(1, flaws=["tells_of_seeks"])
    with under_load(stage), _member(stage, "other") as other, ThreadPoolExecutor(1) as beside:
        _serve(worker, [other])
        times = worker.said(_WAITS)
        with _member(stage, "third") as third:
            _wait_for(worker, _WAITS, times + 1)  # the other one does not answer
            leaving = beside.submit(worker.leave)
            time.sleep(_LASTS_S)
            early = leaving.done()
            _poll_until(leaving.done, [other, third], "the worker ends")
        stage.mark()
        stage.start_worker()
    told = f"ended with status {leaving.result()}, when the other one had answered"
    happened = leaving.result() == 0 and not early
    return Outcome(stage.count(_PATIENCE_S), took_effect(told, happened=happened))


def _start(stage: Stage, *flaws: str) -> Worker:
    (worker,) = stage.start_workers(
        1, flaws=[*_FLAWS, *flaws, "tells_of_seeks"], flags={"max-batch": str(_FETCH)}
    )
    send_backlog(stage, BACKLOG)
    return worker


def _outcome(stage: Stage, worker: Worker, met: str) -> Outcome:
    counts = stage.count(_PATIENCE_S)
    times = worker.said(met)
    return Outcome(counts, took_effect(f"met {times} times", happened=times == TIMES))


@contextmanager
def _member(stage: Stage, name: str) -> Iterator[Consumer]:
    """Join the group, be given partitions, commit nothing, and leave at the end of the block."""
    member = Consumer(
        {
            "bootstrap.servers": stage.kafka.bootstrap,
            "group.id": stage.name,
            "client.id": name,
            "partition.assignment.strategy": "roundrobin",
            "heartbeat.interval.ms": 300,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    member.subscribe([stage.events])
    try:
        yield member
    finally:
        member.close()


def _serve(worker: Worker, members: Sequence[Consumer]) -> None:
    """Let members answer the broker until a worker says that the rebalance is over."""
    _wait_for(worker, SOUGHT, worker.said(SOUGHT) + 1, members)


def _wait_for(worker: Worker, words: str, times: int, members: Sequence[Consumer] = ()) -> None:
    """Wait until a worker has said something so often, while members answer the broker."""
    _poll_until(lambda: worker.said(words) >= times, members, words)


def _poll_until(holds: Callable[[], bool], members: Sequence[Consumer], what: str) -> None:
    """Wait until something holds, while members answer the broker."""

    def still() -> bool:
        for member in members:
            member.poll(_POLL_S)
        return holds()

    wait_until(still, 30, what=what)
