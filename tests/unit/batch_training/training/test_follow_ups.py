"""Follow-ups are counted as their slow twin counts them, and find what was planted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_training.merging.histories import merge_events
from batch_training.training import follow_ups as counting
from batch_training.training.settings import FollowUpSettings, TrainSettings
from batch_training.training.training_set import training_set
from data.follow_ups import FollowUps
from tests.builders import event
from tests.unit.nights import events_of, renamed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SETTINGS = FollowUpSettings(weight=2.0, window=3, width=4, shrinkage=1.5, discount=0.3)
VIDEOS = "abcdefg"
WATCHED = st.lists(st.sampled_from(VIDEOS), max_size=12, unique=True)


def rows_of(watched: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Let each user watch videos one after the other."""
    return [
        event(video, at=1_000 + place, user=f"u{user}")
        for user, videos in enumerate(watched)
        for place, video in enumerate(videos)
    ]


def counted(
    rows: Sequence[dict[str, Any]], settings: FollowUpSettings = SETTINGS, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Let the product count, and give the follow-ups of each video by id."""
    train = TrainSettings(follow_ups=settings, seed=seed)
    learnt_from = training_set(merge_events(events_of(rows)), train)
    assert learnt_from.follow_ups
    return by_id(learnt_from.follow_ups, learnt_from.vocabulary.ids)


def by_id(found: FollowUps, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """Name the follow-ups, without the places that are empty."""
    table = zip(ids, found.rows.tolist(), found.scores.tolist(), strict=True)
    return {
        video: {ids[row]: score for row, score in zip(rows, scores, strict=True) if score}
        for video, rows, scores in table
    }


def slowly(watched: Sequence[Sequence[str]], s: FollowUpSettings) -> dict[str, dict[str, float]]:
    """Count in plain dictionaries, all of them; written out from the definition."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    views = Counter(video for videos in watched for video in videos)
    for videos in watched:
        for place, video in enumerate(videos):
            for distance, follower in enumerate(videos[place + 1 : place + 1 + s.window], 1):
                counts[video][follower] += 1 / distance  # type: ignore[assignment]  # not whole
    mean = sum(views.values()) / max(1, len(views))
    return {
        video: {
            follower: s.weight
            * count
            / (counts[video].total() + s.shrinkage)
            / (views[follower] / mean) ** s.discount
            for follower, count in counts[video].items()
        }
        for video in views
    }


@given(st.lists(WATCHED, min_size=1, max_size=8).filter(any), st.sampled_from([1, 7, 1 << 22]))
def test_counted_as_the_slow_twin_does(watched: list[list[str]], at_once: int) -> None:
    """The strongest follow-ups and their scores are the twin's, however many are held at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_SCORES", at_once)
        found = counted(rows_of(watched))
    for video, expected in slowly(watched, SETTINGS).items():
        strongest = sorted(expected.values(), reverse=True)[: SETTINGS.width]
        assert sorted(found[video].values(), reverse=True) == pytest.approx(strongest, rel=1e-5)
        for follower, score in found[video].items():
            assert score == pytest.approx(expected[follower], rel=1e-5)


def test_what_always_follows_is_found() -> None:
    """Where one video always follows another, it is the strongest, and its score the weight."""
    watched = [["a", "b", *"cdefg"[user % 5 :]] for user in range(50)]
    found = counted(rows_of(watched), FollowUpSettings(weight=3.0, window=1, shrinkage=0.0))
    assert found["a"] == {"b": 3.0}
    assert max(found["b"].values()) < 3.0


def test_the_unwanted_are_no_follow_ups() -> None:
    """A disliked video neither follows nor is followed, and takes no place between the others."""
    rows = [
        *rows_of([["a", "b", "c"]] * 3),
        *[event("b", "dislike", 9_000, user=f"u{u}") for u in range(3)],
    ]
    found = counted(rows, msgspec.structs.replace(SETTINGS, window=1))
    assert {video: set(its) for video, its in found.items()} == {"a": {"c"}, "c": set()}


def test_no_weight_no_follow_ups() -> None:
    """With a weight of 0 a model has none, and takes no room for them."""
    train = TrainSettings(follow_ups=FollowUpSettings(weight=0))
    assert training_set(merge_events(events_of(rows_of(["abc"]))), train).follow_ups is None


def _same_moment(users: int) -> list[dict[str, Any]]:
    return [event(v, at=1_000, user=f"u{u}") for u in range(users) for v in VIDEOS]


def test_names_tell_nothing_of_the_same_moment() -> None:
    """Other ids for videos watched in the same moment give the same follow-ups under new names."""
    rows = _same_moment(users=30)
    names: Mapping[str, str] = {
        old["video"]: new["video"] for old, new in zip(rows, renamed(rows), strict=True)
    }
    found, other = counted(rows), counted(renamed(rows))
    assert {names[v]: {names[f]: s for f, s in its.items()} for v, its in found.items()} == other


def test_the_same_moment_has_no_order() -> None:
    """What everybody watched in the same moment follows one another alike; a seed draws how."""
    found = counted(_same_moment(2_000), msgspec.structs.replace(SETTINGS, width=9, window=6))
    scores = np.array([score for its in found.values() for score in its.values()])
    assert len(scores) == len(VIDEOS) * (len(VIDEOS) - 1)
    assert scores.max() / scores.min() < 1.3
    assert counted(_same_moment(30)) == counted(_same_moment(30))
    assert counted(_same_moment(30)) != counted(_same_moment(30), seed=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": np.full((3, 2), 3, np.int32)}, "no video has"),
        ({"rows": np.full((3, 2), -1, np.int32)}, "no video has"),
        ({"rows": np.zeros((2, 2), np.int32)}, "for 3 videos"),
        ({"rows": np.zeros((), np.int32)}, "for 3 videos"),
        ({"scores": np.zeros((3, 1), np.float32)}, "for 3 videos"),
        ({"scores": np.full((3, 2), np.nan, np.float32)}, "not finite"),
        ({"scores": np.array([[0, 1], [-np.inf, 0], [0, 0]], np.float32)}, "not finite"),
        ({"scores": np.array([[0, 1], [2e38, 0], [0, 0]], np.float32)}, "adds 2e+38"),
        ({"scores": np.array([[0, 1], [-2e38, 0], [0, 0]], np.float32)}, "adds 2e+38"),
        ({"scores": np.zeros((3, 2))}, "float64"),
        ({"half_life": 0.0}, "half-life"),
    ],
)
def test_bad_follow_ups_are_named(change: dict[str, Any], said: str) -> None:
    """Follow-ups that can't be served say what is wrong with them; good ones say nothing."""
    good = FollowUps(np.zeros((3, 2), np.int32), np.zeros((3, 2), np.float32), half_life=1.0)
    assert not good.wrong(3)
    assert said in replace(good, **change).wrong(3)
