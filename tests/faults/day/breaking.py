"""Ways to break something for a while, for the rows of the table and for `make chaos`."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from data.redis_connection import connect
from deploy.embedded.redis_server import free_port
from tests.faults.day.broker_tools import delete_topic
from tests.faults.day.fail_over import follow
from tests.faults.day.stage import RATE
from tests.integration.world import traffic
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.embedded.redis_server import EmbeddedRedis
    from tests.faults.day.proxy import Proxy
    from tests.faults.day.stage import Stage

TRIP_S: Final = (0.025, 0.1)  # the least and the most that `delay` holds a packet, each way
BEFORE_S: Final = 1.0  # of traffic, so that the fault finds the stage at work
AFTER_S: Final = 2.5
_EACH: Final = 50  # events of a user
LONG_S: Final = 120.0  # of load; it ends with its block


@contextmanager
def under_load(stage: Stage, rate: float = RATE) -> Iterator[None]:
    """Break something in the block, amid a load; from its end on it is measured how it recovers."""
    with stage.load(LONG_S, rate):
        time.sleep(BEFORE_S)
        yield
        stage.mark()
        time.sleep(AFTER_S)


def send_backlog(stage: Stage, number: int) -> None:
    """Send so many events at once, of users of whom none has more than a history holds."""
    users = [f"backlog{user}" for user in range(number // _EACH)]
    for event in traffic(users, number, seed=number):
        stage.ledger.send(event)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Let a process stand still during the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def full(server: EmbeddedRedis) -> Iterator[None]:
    """Let a Redis refuse whatever takes memory during the block."""
    with connect(server.url) as client:
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


@contextmanager
def read_only(server: EmbeddedRedis) -> Iterator[None]:
    """Make a Redis a replica without a primary during the block."""
    follow(server, free_port())
    try:
        yield
    finally:
        with connect(server.url) as client:
            client.replicaof("NO", "ONE")


def refusals(server: EmbeddedRedis, kind: str) -> int:
    """Count the errors of a kind that a Redis itself has answered."""
    with connect(server.url) as client:
        errors = cast("dict[str, dict[str, int]]", client.info("errorstats"))
    return errors.get(f"errorstat_{kind}", {}).get("count", 0)


def delay(proxy: Proxy, seconds: float) -> int:
    """Make every trip long, and wait until one was made; gives how many packets were held."""
    before = proxy.delayed
    proxy.delay_s = TRIP_S
    try:
        time.sleep(seconds)
        wait_until(lambda: proxy.delayed > before, what="a packet that is held")
    finally:
        proxy.delay_s = (0.0, 0.0)
    return proxy.delayed - before


def cut_often(proxy: Proxy, seconds: float, every_s: float) -> int:
    """Reset connections again and again; gives how many were made anew once some were reset."""
    wait_until(proxy.cut, what="a connection to reset", poll=every_s)
    before = proxy.connections
    for _ in range(int(seconds / every_s)):
        time.sleep(every_s)
        proxy.cut()
    wait_until(lambda: proxy.connections > before, what="a new connection")
    return proxy.connections - before


@contextmanager
def silence(proxy: Proxy, seconds: float) -> Iterator[None]:
    """Pass nothing on; the block is run at the end of it, when a packet at least was held back."""
    before = proxy.held_back
    proxy.stall()
    try:
        time.sleep(seconds)
        wait_until(lambda: proxy.held_back > before, what="a packet that is held back")
        yield
    finally:
        proxy.pass_on()


@contextmanager
def no_dead_letter_topic(stage: Stage) -> Iterator[None]:
    """Take the dead-letter topic away once all that is bad so far stands in it."""
    bad = {entry.place for entry in stage.there() if entry.event is None}
    stage.letters.wait_for(bad)
    delete_topic(stage.kafka.bootstrap, stage.dead_letters)
    try:
        yield
    finally:
        stage.kafka.create_topics({stage.dead_letters: 1})
        stage.letters.begin_again()


def set_clock(file: Path, seconds: int) -> None:
    """Set the clock of workers with the flaw ``clock``; nobody finds the file empty."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)
