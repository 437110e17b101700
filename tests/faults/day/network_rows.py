"""Rows in which what lies between a worker and Redis is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.day.breaking import cut_often, delay, silence, under_load
from tests.faults.day.proxy import Proxy
from tests.faults.day.redis_rows import attempts
from tests.faults.day.table import Outcome, row, took_effect

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage


@row(
    "Redis is slow",
    promise="batches grow, and nothing is lost",
    how="a proxy holds what it passes on: 50 to 200 ms a trip, for 4 s",
)
def slow(stage: Stage) -> Outcome:
    """Let every trip take long."""
    with Proxy(stage.redis.port) as proxy:
        stage.redis_url = proxy.url
        stage.start_workers(1)
        with under_load(stage):
            held = delay(proxy, 4)
        counts = stage.count()
        stage.crew.close()
    proof = f"{held} packets held, {proxy.delayed_s:.1f} s together"
    return Outcome(counts, took_effect(proof, happened=proxy.delayed_s > 1))


@row(
    "Redis falls silent, and answers late",
    promise="calls time out and are done again; a write that arrives late changes nothing",
    how="a proxy takes everything for 12 s and passes it on then; the client waits 10 s",
)
def silent(stage: Stage) -> Outcome:
    """Let old writes arrive after their callers have given up."""
    with Proxy(stage.redis.port) as proxy:
        stage.redis_url = proxy.url
        stage.start_workers(1)
        with under_load(stage):
            before = proxy.connections
            with silence(proxy, 12):
                waiting, anew = stage.pending(), proxy.connections - before
        counts = stage.count()
        stage.crew.close()
    proof = f"{waiting} events waited, {anew} connections were given up for new ones"
    return Outcome(counts, took_effect(proof, happened=bool(waiting and anew)))


@row(
    "Connections to Redis are cut again and again",
    promise="the worker connects anew; a write whose answer was lost is found done",
    how="a proxy resets them every 50 ms for 4 s",
)
def cut(stage: Stage) -> Outcome:
    """Reset connections amid calls."""
    with Proxy(stage.redis.port) as proxy:
        stage.redis_url = proxy.url
        stage.start_workers(1)
        with under_load(stage):
            anew = cut_often(proxy, 4, every_s=0.05)
        counts = stage.count()
        stage.crew.close()
    proof = f"{anew} connections made anew, the worker said {attempts(stage)} times why"
    return Outcome(counts, took_effect(proof, happened=anew > 10))
