"""Users who do more in a day than a person can are found, and nobody else."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_training.events import COLUMNS, Events
from batch_training.reading import bots
from batch_training.reading.bots import find_bots
from tests.unit.spools import spool_of

DAY = 86_400_000
DONE = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4 * DAY)), max_size=60)


def events_of(done: list[tuple[int, int]]) -> Events:
    """Make an event of each user and time."""
    columns = {name: np.zeros(len(done), kind) for name, kind in COLUMNS.items()}
    columns["user"][:] = [user for user, _ in done]
    columns["at"][:] = [at for _, at in done]
    return Events(users=list("abcdef"), videos=["v"], **columns)


def found(done: list[tuple[int, int]], most_a_day: int | None) -> list[int]:
    """Codes of the bots among the users."""
    with spool_of(events_of(done), 7) as spool:
        return np.flatnonzero(find_bots(spool, most_a_day)).tolist()


@given(DONE, st.integers(1, 6), st.sampled_from([1, 3, 1 << 10]))
def test_bots_are_found_whatever_shares_a_cell(
    done: list[tuple[int, int]], most: int, cells: int
) -> None:
    """Those above the number in any day are found, however many days fall into one cell."""
    days = Counter((user, at // DAY) for user, at in done)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bots, "_CELLS", cells)
        assert found(done, most) == sorted({user for (user, _), n in days.items() if n > most})


def test_as_many_as_allowed_are_allowed() -> None:
    """Three a day are no more than three; a fourth one is."""
    done = [(1, DAY), (1, DAY + 1), (1, 2 * DAY - 1)]
    assert found([*done, (1, DAY - 1), (1, 2 * DAY)], 3) == []
    assert found([*done, (1, DAY + 5)], 3) == [1]


def test_without_a_number_nobody_is_a_bot() -> None:
    """Nobody is left out if no number is set."""
    assert found([(0, 1)] * 50, None) == []
