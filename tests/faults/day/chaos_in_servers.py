"""Faults that `make chaos` draws: in Kafka, in Redis, and on the way to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.faults.day import breaking
from tests.faults.day.breaking import frozen, refusals
from tests.faults.day.chaos_ground import SOME, fault
from tests.faults.day.chaos_in_workers import rubbish
from tests.faults.day.stage import SESSION_S
from tests.faults.day.table import took_effect
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from deploy.embedded.redis_server import EmbeddedRedis
    from tests.faults.day.chaos_ground import Ground
    from tests.faults.day.proxy import Proxy


@fault
def restart_broker(ground: Ground) -> str:
    """Stop the broker and start it again."""
    return _broker_away(ground, "stopped", ground.stage.kafka.stop)


@fault
def kill_broker(ground: Ground) -> str:
    """Kill the broker and start it again."""
    return _broker_away(ground, "killed", ground.stage.kafka.kill)


def _broker_away(ground: Ground, how: str, end: Callable[[], None]) -> str:
    seconds = ground.seconds(2 * SESSION_S, 0)
    end()
    try:
        told = _acknowledges_none(ground, seconds)
    finally:
        ground.stage.kafka.start()
    return f"the broker was {how} for {seconds:.1f} s, {told}"


@fault
def freeze_broker(ground: Ground) -> str:
    """Freeze the broker."""
    seconds = ground.seconds(5)
    with frozen(ground.stage.kafka.pid):
        return f"the broker was frozen for {seconds:.1f} s, {_acknowledges_none(ground, seconds)}"


def _acknowledges_none(ground: Ground, seconds: float) -> str:
    """Let some time pass and some events be sent: none is acknowledged, as the broker is away."""
    ledger = ground.stage.ledger
    before = ledger.sent
    time.sleep(seconds)
    wait_until(lambda: ledger.sent >= before + SOME, what="events to be sent")
    sent, waiting = ledger.sent - before, ledger.unacknowledged
    return took_effect(f"{waiting} events waited for it", happened=waiting >= sent)


@fault
def slow_way_to_broker(ground: Ground) -> str:
    """Make one worker's way to the broker long."""
    return _slow(ground, "the broker", ground.far)


@fault
def cut_way_to_broker(ground: Ground) -> str:
    """Cut one worker's connections to the broker again and again."""
    return _cut(ground, "the broker", ground.far)


@fault
def part_from_broker(ground: Ground) -> str:
    """Pass nothing on between one worker and the broker, at times for a session and more."""
    return _silence(ground, "the broker", ground.far, 2 * SESSION_S)


@fault
def take_dead_letter_topic(ground: Ground) -> str:
    """Take the dead-letter topic away while there are bad payloads."""
    letters = ground.stage.letters
    with breaking.no_dead_letter_topic(ground.stage):
        bad = rubbish(ground)
        time.sleep(ground.seconds(5))
        letters.read()
        early = bad & letters.letters.keys()
    letters.wait_for(bad)
    told = f"the dead-letter topic was gone, {len(bad)} bad payloads waited for it"
    return took_effect(told, happened=not early)


@fault
def add_partition(ground: Ground) -> str:
    """Let the topic of events grow by one partition."""
    stage, new = ground.stage, len(ground.stage.committed())
    stage.kafka.add_partitions(stage.events, new + 1)
    wait_until(lambda: any(e.partition == new for e in stage.ledger.entries[-100:]), what="its use")
    return f"the topic has {new + 1} partitions, the new one with events"


@fault
def delete_events(ground: Ground) -> str:
    """Delete all events from under workers that stand still."""
    first, second = ground.stage.crew.workers[:2]
    with frozen(first.pid), frozen(second.pid):
        ground.wait_for_events(ground.seconds(3))
        gone = ground.stage.delete_events()
    told = f"the broker deleted all events, {gone} of them unread"
    return took_effect(told, happened=gone > 0)


@fault
def slow_way_to_redis(ground: Ground) -> str:
    """Make the way to Redis long."""
    return _slow(ground, "Redis", ground.pair.front)


@fault
def cut_way_to_redis(ground: Ground) -> str:
    """Cut all connections to Redis again and again."""
    return _cut(ground, "Redis", ground.pair.front)


@fault
def part_from_redis(ground: Ground) -> str:
    """Pass nothing on to or from Redis, at times for longer than its clients wait."""
    return _silence(ground, "Redis", ground.pair.front, 12)


def _slow(ground: Ground, what: str, proxy: Proxy) -> str:
    return f"the way to {what} was slow, {breaking.delay(proxy, ground.seconds(5))} packets held"


def _cut(ground: Ground, what: str, proxy: Proxy) -> str:
    anew = breaking.cut_often(proxy, ground.seconds(4), every_s=0.1)
    return f"connections to {what} were cut, {anew} made anew"


def _silence(ground: Ground, what: str, proxy: Proxy, most: float) -> str:
    seconds, before = ground.seconds(most), proxy.held_back
    with breaking.silence(proxy, seconds):
        held = proxy.held_back - before
    return f"nothing went to or from {what} for {seconds:.1f} s, {held} packets held back"


@fault
def freeze_redis(ground: Ground) -> str:
    """Freeze Redis."""
    seconds = ground.seconds(5)
    with frozen(ground.pair.leader.pid):
        return f"Redis was frozen for {seconds:.1f} s, {_takes_none(ground, seconds)}"


@fault
def kill_redis(ground: Ground) -> str:
    """Kill Redis and start it again with its data."""
    seconds = ground.seconds(10, 0)
    ground.pair.leader.kill()
    try:
        told = _takes_none(ground, seconds)
    finally:
        ground.pair.leader.start()
    return f"Redis was killed, away for {seconds:.1f} s, {told}"


def _takes_none(ground: Ground, seconds: float) -> str:
    """Let some time pass and some events come: none gets into Redis, which answers nobody."""
    new = {entry.place for entry in ground.wait_for_events(seconds) if entry.event is not None}
    silent = not ground.pair.leader.says("PING", "PONG")
    early = new & ground.stage.witness.seen.keys()
    return took_effect(f"{len(new)} events waited for it", happened=silent and not early)


@fault
def fill_redis(ground: Ground) -> str:
    """Let Redis refuse as full."""
    return _refuse(ground, "OOM", breaking.full)


@fault
def make_redis_read_only(ground: Ground) -> str:
    """Let Redis refuse as a replica."""
    return _refuse(ground, "READONLY", breaking.read_only)


def _refuse(
    ground: Ground, kind: str, broken: Callable[[EmbeddedRedis], AbstractContextManager[None]]
) -> str:
    leader, seconds = ground.pair.leader, ground.seconds(5)
    before = refusals(leader, kind)
    with broken(leader):
        time.sleep(seconds)
        wait_until(lambda: refusals(leader, kind) > before, what=kind)
    return f"Redis said {refusals(leader, kind) - before} times {kind} in {seconds:.1f} s"


@fault
def fail_over(ground: Ground) -> str:
    """Let the replica be the primary from now on; it lacks nothing, so nothing is lost."""
    old = ground.pair.leader
    before = refusals(old, "READONLY")
    ground.pair.hand_over()
    wait_until(lambda: refusals(old, "READONLY") > before, what="a write to the old primary")
    ground.pair.front.cut()  # whoever only reads, as the witness, would stay with the old one
    told = f"Redis has failed over to port {ground.pair.leader.port}, the old one refused"
    return f"{told} {refusals(old, 'READONLY') - before} writes"
