"""A spool gives back from disk what was put in, and finds a point in time in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_training.events import COLUMNS, Events
from batch_training.reading.spool import MAX_BATCH, Spool, SpoolError
from tests.unit.nights import events_of, world
from tests.unit.spools import same_events, spool_of

FULL = Path("/dev/full")
TIMES = st.lists(st.integers(1, 5) | st.integers(1, 1 << 45), min_size=1, max_size=60)


def events_at(times: list[int]) -> Events:
    """Make an event of one user and video at each of some times."""
    columns = {name: np.ones(len(times), kind) for name, kind in COLUMNS.items()}
    return Events(users=["a", "u"], videos=["a", "v"], **columns | {"at": np.array(times)})


def test_what_goes_in_comes_out() -> None:
    """Everything is read as it was added, in that order, in bounded batches, again and again."""
    events = events_at(list(range(MAX_BATCH + 5)))
    with spool_of(events, 1 << 21) as spool:
        for _ in range(2):
            batches = list(spool.batches())
            assert [len(batch) for batch in batches] == [MAX_BATCH, 5]
            assert all(batch.users is spool.users for batch in batches)
            assert all(batch.videos is spool.videos for batch in batches)
        assert same_events(spool.events(), events)
        assert len(spool) == len(events)


def test_missing_numbers_stay_missing() -> None:
    """Of a rating and a watch, what the one or the other lacks is still NaN after reading."""
    events = events_of([*world(users=2, each=4), {**world()[0], "kind": "like"}])
    with spool_of(events, 3) as spool:
        assert np.isnan(spool.events().watch_ratio).all()
        assert same_events(spool.events(), events)


def test_it_can_be_read_while_it_is_written() -> None:
    """A reader finds all that was added so far."""
    first, second = events_at([3, 4]), events_at([1])
    with spool_of(first) as spool:
        assert same_events(spool.events(), first)
        spool.add(second)
        assert spool.events().at.tolist() == [3, 4, 1]
        assert len(spool) == 3


def test_an_empty_spool_has_no_events() -> None:
    """Nothing was added, so there is nothing to read."""
    with spool_of(events_at([])) as spool:
        assert len(spool) == len(spool.events()) == 0


def test_users_can_be_left_out() -> None:
    """The events of the others are there, under the same codes; the first spool has them all."""
    events = events_of(world(users=7))
    with spool_of(events, 10) as spool:
        who = np.array([True, False, True, False, False, False, True])
        rest = spool.without(who)
        assert same_events(rest.events(), events.take(~who[events.user]))
        assert len(rest) == len(rest.events())
        assert rest.users is spool.users
        assert len(spool) == len(spool.events()) == len(events)
        assert rest.cut_at(1.0) == rest.events().at.max() + 1
        assert not list(spool.without(np.ones(7, np.bool_)).batches())


@given(TIMES, st.integers(1, 100))
def test_the_cut_is_exact(times: list[int], percent: int) -> None:
    """At least the share is before the cut, and a millisecond earlier it would be less."""
    with spool_of(events_at(times), 7) as spool:
        cut = spool.cut_at(percent / 100)
    at = np.array(times)
    assert (at < cut).sum() * 100 >= percent * len(at)
    assert (at < cut - 1).sum() * 100 < percent * len(at)


def test_a_share_that_is_a_number_of_events_is_that_number() -> None:
    """7 % of 100 events are 7, though 0.07 * 100 is a bit more."""
    with spool_of(events_at(list(range(1, 101)))) as spool:
        assert spool.cut_at(0.07) == 8


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    """The message names the file, the reason and what to do."""
    (tmp_path / "events.arrow").symlink_to(FULL)
    with pytest.raises(SpoolError, match=r"events\.arrow.*No space left.*make room"):
        Spool(tmp_path).add(events_at([1]))


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    """The message names the file that can't be written."""
    with pytest.raises(SpoolError, match=r"nowhere.events\.arrow"):
        Spool(tmp_path / "nowhere")


HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("times", "until"),
    [
        ([*range(1, 20_001), 10**9], 19_999),
        ([*range(1, 20_001), 10**9, 10**9, 10**9], 10**9),  # more than one in ten thousand
        ([1, 2, 3, 4 + HOUR_MS], 3),
        ([1, 2, 3, 3 + HOUR_MS], 3 + HOUR_MS),
        ([7], 7),
    ],
)
def test_a_few_clocks_that_go_ahead_move_no_end(times: list[int], until: int) -> None:
    """The data end with the newest event, unless a few come an hour after all others."""
    with spool_of(events_at(times)) as spool:
        assert spool.until() == until
