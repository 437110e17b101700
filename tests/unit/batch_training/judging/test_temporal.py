"""The split by time asks once for each user, and counts all that they took to later."""

from __future__ import annotations

import numpy as np

from batch_training.judging.replay import LikedSettings, first_likes
from batch_training.judging.temporal import TemporalSettings, temporal_cases
from batch_training.merging.histories import merge_events
from tests.builders import NOW_MS
from tests.unit.nights import events_of, plain, world


def test_cases_are_what_plain_loops_give() -> None:
    """Each user has the history of the training, and every video liked after it that is new."""
    rows = world(users=40)
    rows += [row | {"at": NOW_MS + at} for at, row in enumerate(rows[::9], 1)]  # once more
    past, later = events_of(rows).split(0.7)
    before = merge_events(past)
    listable = np.arange(3, len(past.videos), dtype=np.int32)
    first = first_likes(later, listable, LikedSettings())
    cases = temporal_cases(before, later, first, TemporalSettings(users=None))
    expected: dict[str, set[str]] = {}
    known = {(row["user"], row["video"]) for row in plain(past)}
    for row in plain(later):
        new = (row["user"], row["video"]) not in known
        known.add((row["user"], row["video"]))
        if new and row["rating"] >= 4 and row["video"] in past.videos[3:]:
            expected.setdefault(row["user"], set()).add(row["video"])
    slices = cases.relevant.slices()
    found = {
        past.users[user]: {past.videos[code] for code in cases.relevant.rows[part].tolist()}
        for user, part in zip(cases.users.tolist(), slices, strict=True)
    }
    assert found == expected
    histories = dict(before.by_user())
    for user, history in zip(cases.users.tolist(), cases.histories, strict=True):
        assert history == histories[past.users[user]]


def test_a_part_of_the_users_is_drawn() -> None:
    """With a limit a seeded part of the users is asked for, each with the same videos."""
    past, later = events_of(world(users=40)).split(0.7)
    before = merge_events(past)
    first = first_likes(later, np.arange(len(past.videos), dtype=np.int32), LikedSettings())
    whole = temporal_cases(before, later, first, TemporalSettings(users=None))
    part = temporal_cases(before, later, first, TemporalSettings(users=10))
    assert len(part) == 10
    assert set(part.users.tolist()) < set(whole.users.tolist())
    of_whole = dict(zip(whole.users.tolist(), whole.relevant.slices(), strict=True))
    for user, rows in zip(part.users.tolist(), part.relevant.slices(), strict=True):
        wanted = whole.relevant.rows[of_whole[user]]
        assert np.array_equal(part.relevant.rows[rows], wanted)
