"""Faults that `make chaos` draws: in Kafka, in Redis, and on the way to them."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Final

from tests.faults.day import breaking
from tests.faults.day.chaos_ground import fault
from tests.faults.day.chaos_in_workers import send_rubbish
from tests.faults.day.stage import SESSION_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.day.chaos_ground import Ground
    from tests.faults.day.proxy import Proxy

_MOST_PARTITIONS: Final = 12


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
    time.sleep(seconds)
    ground.stage.kafka.start()
    return f"the broker was {how}, away for {seconds:.1f} s and its start"


@fault
def freeze_broker(ground: Ground) -> str:
    """Freeze the broker."""
    seconds = ground.seconds(5)
    breaking.freeze(ground.stage.kafka.pid, seconds)
    return f"the broker was frozen for {seconds:.1f} s"


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
    with breaking.no_dead_letter_topic(ground.stage):
        send_rubbish(ground)
        time.sleep(ground.seconds(5))
    return "the dead-letter topic was gone, and came again empty"


@fault
def add_partition(ground: Ground) -> str:
    """Let the topic of events grow by one partition, up to a bound."""
    there = len(ground.stage.committed())
    total = min(there + 1, _MOST_PARTITIONS)
    if total > there:
        ground.stage.kafka.add_partitions(ground.stage.events, total)
    return f"the topic has {total} partitions"


@fault
def delete_events(ground: Ground) -> str:
    """Delete all events from under workers that stand still."""
    for worker in ground.stage.crew.workers[:2]:
        worker.signal(signal.SIGSTOP)
    time.sleep(ground.seconds(3))
    gone = ground.stage.delete_events()
    for worker in ground.stage.crew.workers[:2]:
        worker.signal(signal.SIGCONT)
    return f"the broker deleted all events, {gone} of them unread"


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
    seconds = ground.seconds(most)
    with breaking.silence(proxy, seconds):
        return f"nothing went to or from {what} for {seconds:.1f} s"


@fault
def freeze_redis(ground: Ground) -> str:
    """Freeze Redis."""
    seconds = ground.seconds(5)
    breaking.freeze(ground.pair.leader.pid, seconds)
    return f"Redis was frozen for {seconds:.1f} s"


@fault
def kill_redis(ground: Ground) -> str:
    """Kill Redis and start it again with its data."""
    seconds = ground.seconds(10, 0)
    ground.pair.leader.kill()
    time.sleep(seconds)
    ground.pair.leader.start()
    return f"Redis was killed, away for {seconds:.1f} s"


@fault
def fill_redis(ground: Ground) -> str:
    """Let Redis refuse as full."""
    seconds = ground.seconds(5)
    breaking.fill(ground.pair.leader, seconds)
    return f"Redis was full for {seconds:.1f} s"


@fault
def make_redis_read_only(ground: Ground) -> str:
    """Let Redis refuse as a replica."""
    seconds = ground.seconds(5)
    breaking.make_read_only(ground.pair.leader, seconds)
    return f"Redis was read-only for {seconds:.1f} s"


@fault
def fail_over(ground: Ground) -> str:
    """Let the replica be the primary from now on; it lacks nothing, so nothing is lost."""
    ground.pair.hand_over()
    return f"Redis has failed over to port {ground.pair.leader.port}"
