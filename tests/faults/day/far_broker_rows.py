"""Rows in which what lies between a worker and the broker is broken."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.embedded.redis_server import free_port
from tests.faults.day.breaking import cut_often, delay, silence, under_load
from tests.faults.day.proxy import Proxy
from tests.faults.day.stage import SESSION_S
from tests.faults.day.table import Outcome, row, took_effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.day.stage import Stage

_SLOW_S = 4.0
_SILENT_S = SESSION_S + 6.0


@contextmanager
def far_broker(stage: Stage) -> Iterator[Proxy]:
    """Give the broker a second address, which leads through a proxy.

    A broker tells its clients where to connect, so it must know of the proxy.
    """
    port = free_port()
    with Proxy(port) as proxy:
        kafka = stage.kafka
        kafka.stop()
        file = kafka._properties
        (listeners,) = (
            line.partition("=")[2]
            for line in file.read_text().splitlines()
            if line.startswith("listeners=")
        )
        with file.open("a") as more:  # the last value of a property is the one that counts
            more.write(f"listeners={listeners},FAR://127.0.0.1:{port}\n")
            far = f"FAR://127.0.0.1:{proxy.port}"
            more.write(f"advertised.listeners=PLAINTEXT://{kafka.bootstrap},{far}\n")
            kinds = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,FAR:PLAINTEXT"
            more.write(f"listener.security.protocol.map={kinds}\n")
        kafka.start()
        yield proxy
        stage.crew.close()  # while there is a broker to leave


def start_workers(
    stage: Stage, proxy: Proxy, flaws: Sequence[str] = (), first: Sequence[str] = ()
) -> None:
    """Start a worker that is far from the broker, with flaws of its own, and one that is near."""
    address = {"kafka": f"127.0.0.1:{proxy.port}"}
    far = stage.start_worker(flaws=[*flaws, *first], flags=address)
    stage.wait_until_serving([far, stage.start_worker(flaws=flaws)])


@row(
    "the way to the broker is slow",
    promise="batches grow, and nothing is lost",
    how=f"a proxy holds each packet of one of 2 workers: 50 to 200 ms a trip, for {_SLOW_S:g} s",
    own_broker=True,
)
def slow(stage: Stage) -> Outcome:
    """Let every trip to the broker take long."""
    with far_broker(stage) as proxy:
        start_workers(stage, proxy)
        with under_load(stage):
            held = delay(proxy, _SLOW_S)
        counts = stage.count(60)
    proof = f"{held} packets held, {proxy.delayed_s:.1f} s together"
    return Outcome(counts, took_effect(proof, happened=proxy.delayed_s > 1))


@row(
    "connections to the broker are cut again and again",
    promise="the worker connects anew; what was not acknowledged comes again",
    how="a proxy resets those of one of 2 workers every 100 ms for 4 s",
    own_broker=True,
)
def cut(stage: Stage) -> Outcome:
    """Reset connections amid fetches and commits."""
    with far_broker(stage) as proxy:
        start_workers(stage, proxy)
        with under_load(stage):
            anew = cut_often(proxy, 4, every_s=0.1)
        counts = stage.count(60)
    return Outcome(counts, took_effect(f"{anew} connections made anew", happened=anew > 1))


@row(
    "a worker is parted from the broker, and not from Redis",
    promise="the other worker takes over; what the first still writes mixes nothing up",
    how=f"a proxy passes nothing on to one of 2 workers for {_SILENT_S:g} s, session {SESSION_S} s",
    own_broker=True,
)
def parted(stage: Stage) -> Outcome:
    """Let the broker and one of its workers think each other dead."""
    with far_broker(stage) as proxy:
        start_workers(stage, proxy)
        far, near = stage.crew.workers
        before = far.delivered
        with under_load(stage):
            own = {partition for partition, _ in far.deliveries[before:]}
            had = near.delivered
            stage.mark()
            with silence(proxy, _SILENT_S):
                taken = [p for p, _ in near.deliveries[had:] if p in own]
        counts = stage.count(60)
    told = f"the other worker was given {len(taken)} events of the first one's partitions"
    return Outcome(counts, took_effect(told, happened=bool(taken)))
