"""From a history to the list that a person sees."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.confidence import ConfidenceParameters, fold_in_confidence
from data.up_next import UpNext, known_videos, rank_histories, up_next
from data.user_history import UserHistory
from tests import oracle
from tests.builders import event, events, history, model, plain_model

if TYPE_CHECKING:
    from data.frozen_model import FrozenModel

BLOCKED = np.arange(40) % 9 == 4
SMALL = model(40, 6, blocked=BLOCKED)
KNOWN = tuple(f"v{row}" for row in range(12))
UNKNOWN = ("new", "nouveau", "新")
Events = list[dict[str, Any]]


def lists(given_model: FrozenModel, *given_events: Events, length: int = 10) -> list[UpNext]:
    """Give the lists of some users, named by their place, after their events."""
    users = [f"user {number}" for number in range(len(given_events))]
    histories = [history(one) for one in given_events]
    return up_next(given_model, users, histories, version="v", activation=7, length=length)


def ids(listed: UpNext) -> list[str]:
    """Give the ids of a list, best first."""
    return [item.id for item in listed.items]


def popular(given_model: FrozenModel, without: set[str], length: int = 10) -> list[str]:
    """Give the most popular videos by the oracle's ranking."""
    names = given_model.vocabulary.ids
    out = {row for row, name in enumerate(names) if name in without or given_model.blocked[row]}
    best = oracle.best(given_model.popularity.tolist(), out.__contains__, length)
    return [names[row] for row in best]


@given(
    st.lists(st.lists(events(KNOWN + UNKNOWN, 40), max_size=25), min_size=1, max_size=4),
    st.sampled_from([1, 5, 20, 60]),
)
def test_lists_equal_the_oracles(users: list[Events], length: int) -> None:
    """For any histories the lists, the time and the kind of list are what the oracle says."""
    plain = plain_model(SMALL)
    for got, given_events in zip(lists(SMALL, *users, length=length), users, strict=True):
        known = oracle.histories(given_events, 1_000).get("u", oracle.new_history())
        expected = oracle.up_next(plain, known, length)
        assert (got.at, got.personal) == (expected["at"], expected["personal"])
        pairs = [(item.id, item.score) for item in got.items]
        assert oracle.compare_lists(pairs, expected, tolerance=1e-5 * got.personal) == []


@given(st.lists(st.lists(events(KNOWN, 40), max_size=12), min_size=2, max_size=5))
def test_list_alone_is_as_in_a_batch(users: list[Events]) -> None:
    """A user's list is the same whoever else is in the micro-batch."""
    for got, given_events in zip(lists(SMALL, *users), users, strict=True):
        [alone] = lists(SMALL, given_events)
        assert ids(alone) == ids(got)
        assert [i.score for i in alone.items] == pytest.approx(
            [i.score for i in got.items], abs=2e-6
        )


@pytest.mark.parametrize("kind", ["watch", "rating", "like", "dislike", "share", "hide"])
def test_what_was_dealt_with_is_not_listed(kind: str) -> None:
    """A video that was watched, rated, liked, disliked, shared or hidden is not in the list."""
    [got] = lists(SMALL, [event("v1", kind)], length=40)
    assert "v1" not in ids(got)
    assert len(ids(got)) == 40 - int(BLOCKED.sum()) - 1


def test_like_taken_back_may_be_listed_again() -> None:
    """A video of which only a withdrawn like is known is a candidate like any other."""
    taken_back = [event("v1", "like", 1), event("v1", "neutral", 2)]
    [only, watched] = lists(SMALL, taken_back, [*taken_back, event("v1", at=3)], length=40)
    assert "v1" in ids(only)
    assert not only.personal
    assert "v1" not in ids(watched)


def test_blocked_video_is_never_listed() -> None:
    """A video that was taken down is in no list, neither a personal one nor a popular one."""
    blocked = {f"v{row}" for row in np.flatnonzero(BLOCKED)}
    for got in lists(SMALL, [], [event("v1")], [event("v4")], length=40):
        assert not blocked & set(ids(got))


@pytest.mark.parametrize(
    ("given_events", "without"),
    [
        ([], set()),
        ([event("new")], set()),
        ([event("v1", "dislike"), event("v2", "hide")], {"v1", "v2"}),
        ([event("v1", "neutral")], set()),
    ],
    ids=["nothing", "unknown video", "only unwanted", "nothing said"],
)
def test_cold_user_gets_the_popular_videos(given_events: Events, without: set[str]) -> None:
    """A user of whom no wanted video is known gets the popular ones without the unwanted."""
    [got] = lists(SMALL, given_events)
    assert not got.personal
    assert ids(got) == popular(SMALL, without)


def test_unknown_video_ages_the_others() -> None:
    """A video that the model doesn't know is not folded in, but the older ones count less."""
    older = [event("v1", "like", at=1)]
    known = known_videos(SMALL, [history(older), history([*older, event("new", at=2)])])
    assert known.videos.rows.tolist() == [1, 1]
    expected = [
        fold_in_confidence(history(older).states, np.array([age]), SMALL.confidence)[0]
        for age in (0, 1)
    ]
    assert known.confidence.tolist() == expected
    assert known.confidence[1] < known.confidence[0]
    assert known.preference[1] < known.preference[0] == 1


def test_known_videos_stand_user_by_user() -> None:
    """Rows and ends fit together when users know nothing, something and only the unknown."""
    known = known_videos(
        SMALL,
        [history(one) for one in ([], [event("v3"), event("v2")], [event("new")], [event("v5")])],
    )
    assert known.videos.ends.tolist() == [0, 2, 2, 3]
    assert known.videos.rows.tolist() == [2, 3, 5]
    assert len(known.confidence) == len(known.preference) == 3


def test_everything_seen_leaves_an_empty_list() -> None:
    """A user who has seen every video gets an empty list, not an error."""
    [got] = lists(model(12, 3), [event(video) for video in KNOWN])
    assert got.items == ()


def test_no_users_no_lists() -> None:
    """No histories give no lists."""
    assert lists(SMALL) == []
    assert rank_histories(SMALL, [], 3).rows.shape == (0, 3)


def test_negative_only_with_one_wanted_is_personal() -> None:
    """One wanted video among unwanted ones makes the list personal."""
    [got] = lists(SMALL, [event("v1", "dislike"), event("v2", watch_ratio=1.0)])
    assert got.personal


def test_json_is_what_any_language_reads() -> None:
    """The list is a JSON object with user, version, activation, time, kind and scored ids."""
    [got] = lists(SMALL, [event("v1", at=5), event("new", "share", 9)], length=2)
    plain = json.loads(msgspec.json.encode(got))
    assert list(plain) == ["user", "version", "activation", "at", "personal", "items"]
    assert plain["user"] == "user 0"
    assert (plain["version"], plain["activation"], plain["at"]) == ("v", 7, 9)
    assert plain["personal"] is True
    assert [list(item) for item in plain["items"]] == [["id", "score"]] * 2
    assert plain["items"][0]["score"] >= plain["items"][1]["score"]
    assert msgspec.json.decode(json.dumps(plain), type=UpNext) == got


def test_scores_have_six_digits() -> None:
    """Scores are rounded to six digits after the point, so that the JSON stays small."""
    [got] = lists(SMALL, [event("v1")], length=40)
    assert all(item.score == round(item.score, 6) for item in got.items)


def test_time_counts_what_was_let_go() -> None:
    """The time of a list is that of the newest event known, though its video is kept no more."""
    bounded = history([event("v1", at=9), event("v2", "hide", at=1), event("v3", "hide", 2)], 2)
    [got] = up_next(SMALL, ["u"], [bounded], version="v", activation=1)
    assert bounded.videos == ["v2", "v3"]
    assert got.at == 9


def test_fold_in_uses_the_models_own_parameters() -> None:
    """Two models that differ in their confidence parameters give different scores."""
    flat = model(40, 6, blocked=BLOCKED, confidence=ConfidenceParameters(alpha=1.0, half_life=None))
    given_events = [event(f"v{n}", at=n + 1) for n in range(6)]
    [one], [other] = lists(SMALL, given_events), lists(flat, given_events)
    assert [i.score for i in one.items] != [i.score for i in other.items]


@pytest.mark.parametrize(
    "later_ms", [3_600_000, time.time_ns() // 1_000_000 - 1_000], ids=["an hour", "until now"]
)
@given(st.lists(events(KNOWN + UNKNOWN, 40), max_size=25))
def test_a_list_is_the_same_whenever_it_is_made(later_ms: int, given_events: Events) -> None:
    """The same history gives the same list decades later: age is counted in videos."""
    shifted = [one | {"at": one["at"] + later_ms} for one in given_events]
    [now], [later] = lists(SMALL, given_events), lists(SMALL, shifted)

    assert (later.items, later.personal) == (now.items, now.personal)
    assert later.at == (now.at + later_ms if now.at else 0)


def test_only_the_order_counts() -> None:
    """Minutes or months between the videos of a history make no other list, another order does."""
    videos = [f"v{row}" for row in (3, 7, 1, 9, 2)]
    close, apart = (
        [event(video, at=1 + gap * place) for place, video in enumerate(videos)]
        for gap in (60_000, 90 * 86_400_000)
    )
    turned = [event(video, at=1 + place) for place, video in enumerate(reversed(videos))]
    [one], [other], [back] = lists(SMALL, close), lists(SMALL, apart), lists(SMALL, turned)

    assert one.items == other.items != back.items


def test_empty_history_is_not_changed_by_listing() -> None:
    """Making a list leaves the histories as they were."""
    kept = history([event("v1"), event("v2", "dislike")])
    before = kept.to_bytes()
    rank_histories(SMALL, [kept, UserHistory.empty()], 5)
    assert kept.to_bytes() == before
