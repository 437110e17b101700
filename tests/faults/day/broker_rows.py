"""Rows in which the broker is broken, or what it holds."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tests.faults.day.breaking import LONG_S, frozen, no_dead_letter_topic, under_load
from tests.faults.day.stage import SESSION_S
from tests.faults.day.table import Outcome, row, took_effect
from tests.faults.day.worker_rows import LONG_SESSION_S
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage

AWAY_S = SESSION_S + 6
PULSES = 10


@row(
    "the broker is away for a moment",
    promise="the workers wait and go on",
    how=f"stopped, started again at once: shorter than the session of {LONG_SESSION_S} s",
    own_broker=True,
)
def broker_away_for_a_moment(stage: Stage) -> Outcome:
    """Restart the broker in good order."""
    stage.start_workers(2, flags={"session-timeout-s": str(LONG_SESSION_S)})
    return broker_away(stage, 0, LONG_SESSION_S)


@row(
    "the broker is away for long",
    promise="the workers wait and go on",
    how=f"stopped, started again after {AWAY_S} s: longer than the session of {SESSION_S} s",
    own_broker=True,
)
def broker_away_for_long(stage: Stage) -> Outcome:
    """Leave the workers without a broker for longer than their sessions."""
    stage.start_workers(2)
    return broker_away(stage, AWAY_S)


@row(
    "the broker is killed",
    promise="what it acknowledged is there again, and has its effect once",
    how="SIGKILL under load, started again at once with its data",
    own_broker=True,
)
def broker_killed(stage: Stage) -> Outcome:
    """Kill the broker, whose operating system lives on."""
    stage.start_workers(2)
    return broker_away(stage, 0, kill=True)


def broker_away(
    stage: Stage, seconds: float, at_most: float = LONG_S, *, kill: bool = False
) -> Outcome:
    """End the broker under load, start it again after some seconds, and count."""
    with under_load(stage):
        gone = time.monotonic()
        if kill:
            stage.kafka.kill()
        else:
            stage.kafka.stop()
        time.sleep(seconds)
        stage.kafka.start()
        waiting = stage.ledger.unacknowledged
        away = time.monotonic() - gone
    told = f"away for {away:.0f} s, {waiting} events waited in the producer"
    happened = waiting > 0 and seconds < away < at_most
    return Outcome(stage.count(60), took_effect(told, happened=happened))


@row(
    "a worker starts while the broker is down",
    promise="it says so, waits, and begins when the broker is there",
    how="the broker is stopped, 2 workers are started, the broker comes when both have complained",
    own_broker=True,
)
def started_without_broker(stage: Stage) -> Outcome:
    """Start workers without a broker."""
    with stage.load(1):
        time.sleep(1)
    stage.kafka.stop()
    workers = [stage.start_worker(), stage.start_worker()]
    wait_until(lambda: all("does not answer" in worker.log.read_text() for worker in workers), 90)
    early = any(worker.has_work for worker in workers)
    stage.kafka.start()
    stage.mark()
    stage.wait_until_serving(workers)
    complaints = stage.crew.log().count("does not answer")
    told = f"{complaints} complaints of the broker in the log"
    return Outcome(stage.count(60), took_effect(told, happened=not early))


@row(
    "the broker is slow",
    promise="the same, only later",
    how=f"SIGSTOP for 0.5 s out of 0.6 s, {PULSES} times, then for 4 s",
    own_broker=True,
)
def broker_slow(stage: Stage) -> Outcome:
    """Let the broker run in short moments only."""
    stage.start_workers(2)
    with under_load(stage):
        for pause in [0.5] * PULSES + [4.0]:
            with frozen(stage.kafka.pid):
                time.sleep(pause)
            time.sleep(0.1)
    counts = stage.count(60)
    longest = counts.waited_s or 0.0
    told = f"an event took up to {longest:.1f} s"
    return Outcome(counts, took_effect(told, happened=longest > 3))


@row(
    "the dead-letter topic is gone",
    promise="the worker waits until it is there again; nothing is acknowledged unparked",
    how="deleted, then bad payloads among the events, made again after 8 s",
    own_broker=True,
)
def dead_letter_topic_gone(stage: Stage) -> Outcome:
    """Take the dead-letter topic away for a while."""
    stage.start_workers(2)
    with under_load(stage), no_dead_letter_topic(stage):
        for _ in range(20):
            stage.ledger.send_bytes(b"not an event")
        time.sleep(8)
        stage.letters.read()
        parked, waiting = len(stage.letters.letters), stage.pending()
    counts = stage.count(60)
    told = f"{waiting} events waited, then {counts.parked} dead letters"
    happened = not parked and waiting > 20 and counts.parked == 20
    return Outcome(counts, took_effect(told, happened=happened))


@row(
    "partitions are added",
    promise="they are found and read from their beginning",
    how="2 partitions become 6 under load, 2 workers",
    partitions=2,
    runs=1,
)
def partitions_added(stage: Stage) -> Outcome:
    """Let the topic grow while workers read it."""
    stage.start_workers(2)
    with under_load(stage):
        stage.kafka.add_partitions(stage.events, 6)
        wait_until(lambda: len({e.partition for e in stage.ledger.entries}) == 6, 30)
    counts = stage.count(120)
    new = sum(entry.partition >= 2 for entry in stage.ledger.entries)
    return Outcome(counts, took_effect(f"{new} events came to new partitions", happened=new > 0))


@row(
    "an offset out of range",
    promise="the worker says so, and goes on with the oldest event there is",
    how="events that nobody has read are deleted by the broker while no worker runs",
    runs=1,
)
def offset_out_of_range(stage: Stage) -> Outcome:
    """Let the retention run out while no worker is there."""
    first = stage.start_workers(1)[0]
    first.leave()
    with stage.load(2):
        time.sleep(2)
    stage.delete_events()
    stage.start_workers(1)
    return deleted(stage)


@row(
    "events are deleted before a slow worker reads them",
    promise="the worker says so, and goes on with the oldest event there is",
    how="SIGSTOP, events that it has not read are deleted by the broker, SIGCONT",
    runs=1,
)
def deleted_under_a_worker(stage: Stage) -> Outcome:
    """Let the retention run out under a worker that can't follow."""
    worker = stage.start_workers(1)[0]
    worker.signal(signal.SIGSTOP)
    with stage.load(2):
        time.sleep(2)
    stage.delete_events()
    worker.signal(signal.SIGCONT)
    return deleted(stage)


def deleted(stage: Stage) -> Outcome:
    """Go on, and count; what was deleted counts as lost if no worker says a word about it."""
    with stage.load(2):
        stage.mark()
        time.sleep(2)
    counts = stage.count(60)
    gone = len(stage.ledger.entries) - counts.sent
    log = stage.crew.log()
    said = "does not have offset" in log or "is out of range" in log
    told = f"{gone} events deleted unread, the log {'tells' if said else 'tells nothing'} of it"
    counts = counts._replace(lost=counts.lost + (0 if said else gone))
    return Outcome(counts, took_effect(told, happened=gone > 0))
