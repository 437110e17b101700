"""Without a Redis that can be relied on, the night says what to do, and what is served stays."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from deploy.embedded.redis_server import EmbeddedRedis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.conftest import Histories
    from tests.faults.house import House
    from tests.faults.jobs import Ended, Jobs

KIB = 1024


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """Give a server that a test may end and fill, and that keeps what it was told."""
    with EmbeddedRedis(keep_in=tmp_path) as running:
        yield running


@pytest.fixture
def own_house(
    own_server: EmbeddedRedis,
    empty_house: Callable[[EmbeddedRedis], House],
    last_night: dict[str, bytes],
) -> House:
    """Give a house in a server of its own, in which last night's model serves."""
    house = empty_house(own_server)
    house.restore(last_night)
    return house


def explains(ended: Ended, *words: str) -> bool:
    """Whether a night ended with 1, and with one reason that holds all these words."""
    assert ended.status == 1, ended
    assert "Traceback" not in ended.err
    (reason,) = ended.line()["reasons"]
    assert [word for word in words if word not in reason] == [], reason
    return True


def runs_again(house: House, jobs: Jobs, histories: Histories) -> bool:
    """Whether the night runs once the fault is mended, and leaves nothing over."""
    before = house.snapshot()
    ended = house.night(jobs, histories.tonight).ended()
    assert ended.line()["version"] == house.served, ended
    assert house.complaints(before) == []
    assert house.strays() == []
    return True


def test_no_redis(house: House, jobs: Jobs, histories: Histories) -> None:
    """The night ends with 1 before it reads anything, and says how to name another Redis."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
        night = house.night(jobs, histories.tonight, f"--redis-url={url}")
        ended = night.ended()
    assert (ended.status, ended.line()["verdict"]) == (1, "fault")
    assert "--redis-url" in ended.err
    assert "Traceback" not in ended.err
    assert "Read and validate" not in night.points()
    assert not list(house.state.glob("nights/*"))


@pytest.mark.parametrize(
    ("point", "verdict"),
    [("Train on everything", "fault"), ("Write everybody's list, packet 6", "published")],
)
def test_redis_dies(
    own_server: EmbeddedRedis,
    own_house: House,
    jobs: Jobs,
    histories: Histories,
    point: str,
    verdict: str,
) -> None:
    """The night ends with 1 and names Redis; when that is back, all is as before or as after."""
    before = own_house.snapshot()
    night = own_house.night(jobs, histories.tonight, at=point).is_at(point)
    own_server.kill()
    night.go_on()
    ended = night.ended()
    assert explains(ended, "Redis at", "--redis-url")
    assert ended.line()["verdict"] == verdict
    own_server.start()
    assert own_house.complaints(before) == []
    assert runs_again(own_house, jobs, histories)


def test_redis_is_away_for_a_moment(
    own_server: EmbeddedRedis, own_house: House, jobs: Jobs, histories: Histories
) -> None:
    """A Redis that was restarted while the night trained, and kept its data, is no fault."""
    point = "Train on everything"
    night = own_house.night(jobs, histories.tonight, at=point).is_at(point)
    own_server.kill()
    own_server.start()
    night.go_on()
    assert night.ended().line()["version"] == own_house.served


def test_redis_loses_its_data(
    own_server: EmbeddedRedis, own_house: House, jobs: Jobs, histories: Histories
) -> None:
    """The night ends with 1, as its lock is lost, and writes nothing; the next one fills Redis."""
    point = "Train on everything"
    night = own_house.night(jobs, histories.tonight, at=point, ttl_s=60).is_at(point)
    own_house.client.flushall()
    night.go_on()
    assert explains(night.ended(), "Redis lost data", "run it again")
    assert own_house.dump() == {}
    assert runs_again(own_house, jobs, histories)


@pytest.mark.parametrize("policy", ["allkeys-lru", "noeviction"])
def test_redis_is_too_small(
    own_house: House, jobs: Jobs, histories: Histories, policy: str
) -> None:
    """A Redis that may drop the model, or lacks the room for it, is refused before it is filled."""
    before, client = own_house.snapshot(), own_house.client
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 400 * KIB)
    ended = own_house.night(jobs, histories.tonight, "--factors=256", "--force=big").ended()
    words = ("maxmemory-policy", "CONFIG SET") if "all" in policy else ("lacks", "Raise maxmemory")
    assert explains(ended, *words)
    assert own_house.snapshot() == before
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 0)
    assert own_house.strays() == []
    assert runs_again(own_house, jobs, histories)


def test_redis_is_full_before_it_begins(own_house: House, jobs: Jobs, histories: Histories) -> None:
    """Where not even the lock can be written, the night ends with 1 and says why."""
    before, client = own_house.snapshot(), own_house.client
    client.config_set("maxmemory", KIB)
    ended = own_house.night(jobs, histories.tonight).ended()
    assert (ended.status, ended.line()["verdict"]) == (1, "fault")
    assert "maxmemory" in ended.err
    assert "Traceback" not in ended.err
    assert own_house.snapshot() == before
    client.config_set("maxmemory", 0)
    assert runs_again(own_house, jobs, histories)


def test_redis_is_full_during_the_refresh(
    own_house: House, jobs: Jobs, histories: Histories
) -> None:
    """The new model is served, the night ends with 1, and the next one writes the other lists."""
    before, client = own_house.snapshot(), own_house.client
    point = "Write everybody's list, packet 6"
    night = own_house.night(jobs, histories.tonight, at=point).is_at(point)
    client.config_set("maxmemory", KIB)
    night.go_on()
    ended = night.ended()
    assert explains(ended, "maxmemory")
    assert ended.line()["verdict"] == "published"
    client.config_set("maxmemory", 0)
    assert own_house.complaints(before) == []
    assert runs_again(own_house, jobs, histories)
