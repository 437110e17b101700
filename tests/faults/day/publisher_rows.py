"""The row in which whoever publishes a model is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.redis_keys import RedisKeys
from tests.builders import model
from tests.contract.crashing_publisher import CATALOGUE, ITEMS, NEW, OLD, publisher
from tests.faults.day.breaking import LONG_S
from tests.faults.day.model_rows import by_version, wait_until_followed
from tests.faults.day.night_after import refresh_from_archive
from tests.faults.day.table import Outcome, row, took_effect

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage


@row(
    "a publisher is killed at each step",
    promise="the old or the new model serves, whole; the next publisher cleans up",
    how="SIGKILL before its n-th packet to Redis, for every n, while 2 workers serve traffic",
    runs=1,
)
def publisher_killed(stage: Stage) -> Outcome:
    """Kill a publisher before each of its packets."""
    stage.stores.models.publish(OLD, model(ITEMS[OLD]), CATALOGUE)
    stage.model, stage.active = model(ITEMS[OLD]), stage.stores.models.activate(OLD)
    stage.start_workers(2)
    served: list[str] = []
    ended = "killed"
    with stage.load(LONG_S), publisher(stage.redis.url, RedisKeys().prefix) as run:
        while ended == "killed":
            _back_to_old(stage)
            ended = run(len(served) + 1)
            served.append(_check_served(stage))
    made = by_version(stage).keys()
    refresh_from_archive(stage)
    told = f"killed {len(served) - 1} times, after which {served.count(OLD)} times the old model"
    told += f" and {served.count(NEW) - 1} times the new one was served; lists by {sorted(made)}"
    return Outcome(stage.count(), took_effect(told, happened=made <= {OLD, NEW}))


def _back_to_old(stage: Stage) -> None:
    """Sweep up after a publisher, as the next one would, and serve the old model again."""
    store = stage.stores.models
    stage.stores.client.delete(RedisKeys().lock)  # which would run out by itself
    store.sweep()
    if stage.active.version == NEW:
        stage.model, stage.active = model(ITEMS[OLD]), store.activate(OLD)
        wait_until_followed(stage)
        assert store._delete(NEW, None)


def _check_served(stage: Stage) -> str:
    """Verify all versions, and see the workers follow whatever is active."""
    active = stage.stores.models.current()
    assert active is not None
    stage.model, stage.active = model(ITEMS[active.version]), active
    for version in stage.stores.models.versions():
        stage.stores.models.verify(version)
    wait_until_followed(stage)
    return active.version
