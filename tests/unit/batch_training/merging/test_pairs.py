"""States of many pairs are numbered, merged and put in order as they are one by one."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from batch_training.merging.pairs import Numbering, merged_pairs, pairs_of, sorted_by_time
from data.user_history import UserHistory
from data.video_state import merge_states
from tests.builders import VIDEOS
from tests.unit.batch_training.merging.test_histories import BUSY, STREAM
from tests.unit.nights import events_of

FAR = [1 << 40, (1 << 62) + 1, 1 << 62]


@given(st.integers(0, 1 << 32), st.booleans())
def test_sorting_is_by_user_time_and_ties(seed: int, far: bool) -> None:  # noqa: FBT001 - drawn
    """The order is that of plain tuples, however far apart the times are."""
    chance = random.Random(seed)
    times = [0, 1, 2, *(FAR if far else [])]
    columns = [chance.choices(values, k=200) for values in ([3, 4], times, [0, 1, 2], range(9))]
    rows = list(zip(*columns, strict=True))
    order = sorted_by_time(*(np.array(column) for column in columns))
    assert [rows[row] for row in order] == sorted(rows)


def test_nothing_is_in_order() -> None:
    """No rows have an empty order."""
    none = np.zeros(0, np.int64)
    assert len(sorted_by_time(none, none, none)) == 0


@given(STREAM)
def test_states_of_events_are_those_of_the_day(drawn: list[tuple[str, dict[str, object]]]) -> None:
    """Each event alone gives the state that it gives by day, to the byte."""
    events = events_of([plain | {"user": user} for user, plain in drawn])
    pairs = pairs_of(events, Numbering.of(events.videos))
    single = [UserHistory.of_event(events.interaction(row)).states for row in range(len(events))]
    assert pairs.states.tobytes() == np.concatenate(single).tobytes()


@given(BUSY, st.integers(0, 60))
def test_states_merge_as_they_do_by_day(
    drawn: list[tuple[str, dict[str, object]]], cut: int
) -> None:
    """Parts merge to what merging state after state gives, each pair once and in order."""
    events = events_of([plain | {"user": user} for user, plain in drawn])
    pairs = pairs_of(events, Numbering.of(events.videos))
    expected: dict[int, np.ndarray] = {}
    for key, state in zip(pairs.key.tolist(), np.split(pairs.states, len(events)), strict=True):
        expected[key] = merge_states(expected.get(key, state), state)
    parts = pairs.take(np.arange(len(events)) < cut), pairs.take(np.arange(len(events)) >= cut)
    merged = merged_pairs(*parts)
    assert merged.key.tolist() == sorted(expected)
    assert merged.states.tolist() == [expected[key].item() for key in sorted(expected)]


def test_pairs_are_numbered_by_the_place_of_the_id() -> None:
    """Keys of one user sort as the ids do, and tell user and place."""
    numbering = Numbering.of(VIDEOS)
    codes = np.arange(len(VIDEOS), dtype=np.int32)
    key = numbering.key(np.full(len(VIDEOS), 3), codes)
    assert [VIDEOS[code] for code in np.argsort(key)] == sorted(VIDEOS)
    user, place = numbering.split(key)
    assert set(user.tolist()) == {3}
    assert numbering.code[place].tolist() == codes.tolist()
