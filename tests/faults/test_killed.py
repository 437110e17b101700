"""A night that is killed leaves what is served as it was, or as it will be."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from data.frozen_model import ModelVersion
from data.up_next import UpNext
from data.user_store import UserStore, UserWrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.faults.conftest import Histories
    from tests.faults.house import House
    from tests.faults.jobs import Child, Jobs

KILLED = -signal.SIGKILL
AT_ONCE = 3  # nights, each in a house of its own


def in_threes(points: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut the points into as many as are tried at once."""
    for first in range(0, len(points), AT_ONCE):
        yield points[first : first + AT_ONCE]


def kill(houses: list[House], points: Sequence[str], jobs: Jobs, histories: Histories) -> list[int]:
    """Kill one night in each house, each at its point; all must be as before or as after.

    Gives the exit statuses: a point that a night doesn't come to lets it through.
    """
    before = [house.snapshot() for house in houses]
    nights = [
        house.night(jobs, histories.tonight, at=point, signal=signal.SIGKILL)
        for house, point in zip(houses, points, strict=False)
    ]
    for point, night, house, was in zip(points, nights, houses, before, strict=False):
        assert night.ended().status in {0, KILLED}, point
        assert house.complaints(was) == [], point
    return [night.ended().status for night in nights]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.waits)])
def test_a_kill_at_any_point_does_no_harm(
    every: int,
    new_houses: Callable[[int], list[House]],
    points: list[str],
    jobs: Jobs,
    histories: Histories,
) -> None:
    """Wherever it dies, all is as before or as after; the last night, undisturbed, tidies up.

    Each night runs on what the one before it left. Where stages begin is for the test below.
    """
    houses = new_houses(AT_ONCE)
    within = [point for point in points if "," in point][::every]
    ended = [status for some in in_threes(within) for status in kill(houses, some, jobs, histories)]
    assert ended.count(KILLED) > 0.8 * len(within)  # where much is left over, points move
    for night in [house.night(jobs, histories.tonight) for house in houses]:
        assert night.ended().line()["verdict"] == "published"
    assert [house.strays() for house in houses] == [[]] * AT_ONCE


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_after_a_kill_in_any_stage_the_same_command_succeeds(
    new_houses: Callable[[int], list[House]],
    undisturbed: tuple[House, Child],
    points: list[str],
    jobs: Jobs,
    histories: Histories,
) -> None:
    """Run again at once, it gives the lists that it would have given, and leaves nothing over."""
    wanted = {user: [v.id for v in shown.items] for user, shown in undisturbed[0].lists().items()}
    stages = [point for point in points if "," not in point]
    assert len(stages) > 10
    between = ["Publish and activate, packet 15", "Write everybody's list, packet 6"]
    for some in in_threes(["Begin, packet 3", *stages, *between]):
        houses = new_houses(len(some))
        assert set(kill(houses, some, jobs, histories)) == {KILLED}
        again = [house.night(jobs, histories.tonight) for house in houses]
        for house, night in zip(houses, again, strict=True):
            assert night.ended().line()["version"] == house.served
            assert house.strays() == []
            shown = house.lists()
            assert {user: [v.id for v in shown[user].items] for user in shown} == wanted
            assert {one.version for one in shown.values()} == {house.served}


def test_the_check_finds_a_publisher_that_moves_the_pointer_first(house: House) -> None:
    """One who dies between the pointer and the model is found out."""
    before = house.snapshot()
    house.client.set(house.keys.current, f"{9e12:.0f} naive")
    assert any("not published" in complaint for complaint in house.complaints(before))


def test_the_check_finds_a_publisher_that_writes_the_manifest_first(house: House) -> None:
    """One who dies before the last chunk is found out."""
    before, version = house.snapshot(), ModelVersion(house.served)
    house.client.delete(house.keys.chunk(version, "model", 0))
    assert any("is incomplete" in complaint for complaint in house.complaints(before))


def test_the_check_finds_a_list_without_its_history(house: House) -> None:
    """One who writes lists and dies before writing the histories is found out."""
    before = house.snapshot()
    user, other = list(before.lists)[:2]
    house.client.set(
        house.keys.up_next(user), before.lists[other].replace(other.encode(), user.encode())
    )
    assert [complaint.split()[0] for complaint in house.complaints(before)] == [user]


def test_the_check_finds_a_list_of_a_model_that_is_gone(house: House) -> None:
    """One who writes lists of a model that was never published is found out."""
    before = house.snapshot()
    store, (user, *_) = UserStore(house.client, house.keys), before.lists
    (stored,) = store.read_many([user])
    shown = UpNext(user=user, version="gone", activation=int(9e12), at=0, personal=True, items=())
    store.compare_and_set_many([UserWrite(stored.tag, None, shown)])
    assert any("names gone, which is not published" in c for c in house.complaints(before))


def test_the_check_finds_what_is_left_over(house: House) -> None:
    """A chunk of an unfinished version, a lock, a scratch folder and half a file are found."""
    assert house.strays() == []
    house.client.set(house.keys.chunk("left", "model", 0), b"")
    house.client.set(house.keys.lock, b"")
    (house.state / "nights" / "then" / "scratch").mkdir(parents=True)
    (house.state / "models").mkdir()
    (house.state / "models" / ".half").touch()
    assert len(house.strays()) == 4
