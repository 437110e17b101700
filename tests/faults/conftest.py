"""One Redis, one runner and one history for all tests; each test has a house of its own."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import pytest

from data.redis_connection import connect
from deploy.embedded.redis_server import EmbeddedRedis
from tests.faults.house import SERVED_FACTORS, House
from tests.faults.jobs import Jobs
from tests.unit.nights import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.jobs import Child

_LAST_NIGHT = 0.95  # share of the rows that the model served at the start knows


class Histories(NamedTuple):
    """Files of interactions: what last night knew, and what tonight knows."""

    last_night: Path
    tonight: Path


@pytest.fixture(scope="session")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    """Write the files."""
    folder = tmp_path_factory.mktemp("histories")
    rows = pd.DataFrame(world(users=60, videos=60, each=16)).sort_values("at")
    files = Histories(folder / "last.parquet", folder / "tonight.parquet")
    rows.head(int(len(rows) * _LAST_NIGHT)).to_parquet(files.last_night)
    rows.to_parquet(files.tonight)
    return files


@pytest.fixture(scope="session")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """Give what starts children."""
    with Jobs(tmp_path_factory.mktemp("jobs")) as running:
        yield running


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedRedis]:
    """Give the Redis that most tests share."""
    with EmbeddedRedis() as running:
        yield running


@pytest.fixture(scope="session")
def empty_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """Give a function that makes an empty house in a server."""
    numbers, clients = count(1), []

    def make(server: EmbeddedRedis) -> House:
        clients.append(connect(server.url))
        state = tmp_path_factory.mktemp("state")
        return House(clients[-1], server.url, f"house{next(numbers)}", state)

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def last_night(
    empty_house: Callable[..., House], server: EmbeddedRedis, jobs: Jobs, histories: Histories
) -> dict[str, bytes]:
    """Give what last night left in Redis: a model, histories and lists."""
    house = empty_house(server)
    flag = f"--factors={SERVED_FACTORS}"
    ended = house.night(jobs, histories.last_night, flag).ended()
    assert ended.status == 0, ended.err
    return house.dump()


@pytest.fixture(scope="session")
def new_houses(
    empty_house: Callable[..., House], server: EmbeddedRedis, last_night: dict[str, bytes]
) -> Callable[[int], list[House]]:
    """Give a function that makes houses in which last night's model serves."""

    def make(number: int) -> list[House]:
        houses = [empty_house(server) for _ in range(number)]
        for house in houses:
            house.restore(last_night)
        return houses

    return make


@pytest.fixture
def house(new_houses: Callable[[int], list[House]]) -> House:
    """Give a house in which last night's model serves."""
    return new_houses(1)[0]


@pytest.fixture(scope="session")
def undisturbed(
    new_houses: Callable[[int], list[House]], jobs: Jobs, histories: Histories
) -> tuple[House, Child]:
    """Give a night that nothing disturbed, with its house."""
    house = new_houses(1)[0]
    before = house.snapshot()
    child = house.night(jobs, histories.tonight)
    assert child.ended().line()["verdict"] == "published"
    assert house.complaints(before) == []
    assert house.strays() == []
    return house, child


@pytest.fixture(scope="session")
def points(undisturbed: tuple[House, Child]) -> list[str]:
    """Name all points that a night passes; see `tests.faults.runner`."""
    return undisturbed[1].points()
