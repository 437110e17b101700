"""Rows in which a model is exchanged, damaged, or dropped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.faults.day import checker
from tests.faults.day.breaking import under_load
from tests.faults.day.night_after import refresh_from_archive
from tests.faults.day.table import Outcome, row, took_effect
from tests.integration.damaged import point_at_damaged
from tests.waiting import wait_until

if TYPE_CHECKING:
    from data.heartbeats import Heartbeat
    from tests.faults.day.stage import Stage

_PATIENCE_S = 60.0


def beats(stage: Stage) -> list[Heartbeat]:
    """Read what every worker says of itself."""
    return stage.stores.heartbeats.alive()


def wait_until_followed(stage: Stage) -> None:
    """Wait until every worker serves what is active, and has no trouble."""
    active = (stage.active.activation, "")
    wait_until(
        lambda: {(beat.activation, beat.trouble) for beat in beats(stage)} == {active},
        _PATIENCE_S,
        what="the workers to follow",
    )


def by_version(stage: Stage) -> dict[str, int]:
    """Count the lists by the version of the model that made them."""
    lists = stage.stores.users.read_lists(sorted(stage.users_in_redis()))
    versions = [shown.version for shown in lists if shown is not None]
    return {version: versions.count(version) for version in sorted(set(versions))}


@row(
    "a model is exchanged under traffic",
    promise="each list is by the old or by the new model, and by the new one after the refresh",
    how="publish and activate another model (24 for 16 factors, blocked videos), 2 workers",
)
def swap(stage: Stage) -> Outcome:
    """Exchange the model while events flow."""
    stage.start_workers(2)
    with under_load(stage):
        stage.activate(stage.world.other)
        stage.mark()
        wait_until_followed(stage)
    return _refreshed(stage)


@row(
    "a model is rolled back under traffic",
    promise="the same: rolling back is an activation like any other",
    how="the other model is active for a second, then `upnext models rollback`'s activation",
)
def roll_back(stage: Stage) -> Outcome:
    """Go back to the first model while events flow."""
    first = stage.active
    stage.start_workers(2)
    with under_load(stage):
        stage.activate(stage.world.other)
        wait_until_followed(stage)
        time.sleep(1)
        previous = stage.stores.models.previous()
        assert previous == first
        stage.model, stage.active = stage.world.model, stage.stores.models.activate(first.version)
        stage.mark()
        wait_until_followed(stage)
    return _refreshed(stage)


def _refreshed(stage: Stage) -> Outcome:
    """Refresh, and count; before that, some lists are of another activation."""
    stage.settle()
    made, behind = by_version(stage), checker.count(stage).differing
    refresh_from_archive(stage)
    told = f"before the refresh {made[stage.active.version]} lists by the model, {behind} older"
    return Outcome(stage.count(), took_effect(told, happened=len(made) > 1 or behind > 0))


@row(
    "a chunk of the new model is corrupt",
    promise="it is refused and reported; the old model goes on serving",
    how="the factors of a published version are mixed up in Redis, the pointer is moved to it",
    quick=True,
)
def corrupt(stage: Stage) -> Outcome:
    """Point to a model that says of each video what is true of another."""
    return _damaged(stage, "mixed up", "fails its SHA-256")


@row(
    "a chunk of the new model is missing",
    promise="the same",
    how="it is deleted from Redis, the pointer is moved to its version",
)
def missing(stage: Stage) -> Outcome:
    """Point to a model that lacks a part."""
    return _damaged(stage, "missing", "is missing")


def _damaged(stage: Stage, fault: str, reason: str) -> Outcome:
    workers = stage.start_workers(2)
    with under_load(stage):
        point_at_damaged(stage.stores, stage.world.other, fault, stage.active.activation + 1)
        stage.mark()
        wait_until(
            lambda: sum(reason in beat.trouble for beat in beats(stage)) == len(workers),
            _PATIENCE_S,
            what="the workers to refuse it",
        )
    refused = sum(reason in beat.trouble for beat in beats(stage))
    told = f"{refused} workers say that a key {reason}"
    return Outcome(stage.count(), took_effect(told, happened=refused == len(workers)))


@row(
    "a worker starts while the model is damaged",
    promise="it keeps histories and lists what is popular, until there is a model to load",
    how="the active model has the corrupt chunk of above; 3 s later a good one is activated",
)
def started_without_model(stage: Stage) -> Outcome:
    """Start a worker that finds no model that it can use."""
    point_at_damaged(stage.stores, stage.model, "mixed up", stage.active.activation + 1)
    stage.start_workers(1)
    with under_load(stage):
        time.sleep(2)
        lists = stage.stores.users.read_lists(sorted(stage.users_in_redis()))
        without = [shown for shown in lists if shown is not None and shown.activation == 0]
        empty = sum(not shown.items for shown in without)
        stage.activate(stage.world.other)
        stage.mark()
        wait_until_followed(stage)
    stage.settle()
    refresh_from_archive(stage)
    told = f"{len(without)} lists were made without a model, {empty} of them empty"
    counts = stage.count()
    counts = counts._replace(differing=counts.differing + empty)
    return Outcome(counts, took_effect(told, happened=bool(without)))


@row(
    "control: no checksum",
    promise="it must serve wrong lists",
    how="the corrupt chunk of above, and a worker that takes chunks as they are",
    runs=1,
    control="differing",
)
def no_checksum(stage: Stage) -> Outcome:
    """Serve a model that is mixed up."""
    stage.model = stage.world.other
    number = stage.active.activation + 1
    stage.active = point_at_damaged(stage.stores, stage.model, "mixed up", number)
    stage.start_workers(1, flaws=["no_checksum"])
    with stage.load(2):
        time.sleep(2)
    stage.settle()
    made = by_version(stage)
    told = f"{made.get(stage.active.version, 0)} lists by the corrupt model"
    return Outcome(stage.count(), took_effect(told, happened=[*made] == [stage.active.version]))
