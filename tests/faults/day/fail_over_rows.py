"""Rows in which Redis goes on without the server that was its primary."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deploy.embedded.redis_cluster import PRIMARIES, EmbeddedCluster
from tests.faults.day import checker
from tests.faults.day.breaking import refusals, under_load
from tests.faults.day.fail_over import FailOver, leads
from tests.faults.day.night_after import PATIENCE_S, healed, refresh_from_archive
from tests.faults.day.table import Outcome, row, took_effect
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage


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
        stage.redis_url = pair.front.url
        stage.start_workers(1)
        with under_load(stage):
            pair.lag()
            time.sleep(1)
            pair.promote(cut=cut)
        stage.settle(PATIENCE_S)
        wait_until(pair.in_step)  # the checker reads from the one that follows now
        refused = refusals(stage.redis, "READONLY")
        outcome = healed(stage)
        stage.crew.close()
    proof = f"{outcome.proof}; {refused} writes refused by the old primary"
    return Outcome(outcome.counts, took_effect(proof, happened=cut or refused > 0))


@row(
    "a primary of a Redis Cluster is killed",
    promise="its replica takes over, and the worker follows; what it lacked comes with the refresh",
    how="SIGKILL to one of three primaries with a replica each, under traffic",
)
def cluster_fails_over(stage: Stage) -> Outcome:
    """Let a cluster go on without one of its nodes."""
    with EmbeddedCluster(replicas=1) as cluster:
        stage.move_to(cluster.url)
        stage.start_workers(1)
        _, victim, *_ = cluster.nodes
        heir = cluster.nodes[PRIMARIES + 1]
        with under_load(stage):
            victim.kill()
            gone = time.monotonic()
            wait_until(lambda: heir.says("CLUSTER INFO", "cluster_state:ok") and leads(heir), 60)
            took_s = time.monotonic() - gone
        stage.settle(PATIENCE_S)
        before = len(checker.lost(stage))
        refresh_from_archive(stage)
        counts = stage.count()
        stage.crew.close()
        stage.witness.close()
    proof = f"the replica took over after {took_s:.1f} s; it lacked {before} events"
    return Outcome(counts, took_effect(proof, happened=took_s > 1))
