"""The replay judges what the day would have served, and looks at nothing that comes after."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from batch_training.events import RATING
from batch_training.judging.replay import ReplaySettings
from batch_training.merging.histories import merge_events
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.up_next import rank_histories
from data.user_history import UserHistory
from tests import builders
from tests.builders import NOW_MS, event
from tests.replaying import ALL, LENGTH, replayed
from tests.unit.nights import events_of, plain, renamed, world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel

SETTINGS = TrainSettings(factors=8, iterations=4, regularization=5.0, threads=1)


class Scores(NamedTuple):
    """Events that counted, and where the video stood in each list; -1 for nowhere."""

    events: NDArray[np.int64]
    live: NDArray[np.int64]
    left_alone: NDArray[np.int64]
    popularity: NDArray[np.int64]


def replay(
    model: FrozenModel, before: Histories, later: Events, settings: ReplaySettings = ALL
) -> Scores:
    """Let a model, its lists of the night and popularity make the lists of the replay."""
    found = replayed({"live": model}, before, later, settings)
    return Scores(found.events, *found.places.values())


def trained(before: Events, limit: int = 1_000, **more: Any) -> FrozenModel:  # noqa: ANN401 - any field
    """Give a small model of some events."""
    learnt_from = training_set(merge_events(before, limit), SETTINGS)
    factors = fit(learnt_from.matrix, SETTINGS).item_factors
    return replace(freeze(factors, learnt_from, SETTINGS, history_limit=limit), **more)


def judged(rows: list[dict[str, Any]], limit: int = 1_000) -> tuple[Events, Scores]:
    """Train on the first 80 % of some rows, and replay the rest."""
    before, later = events_of(rows).split(0.8)
    return later, replay(trained(before, limit), merge_events(before, limit), later)


def place(listed: Sequence[object], wanted: object) -> int:
    listed = listed[:LENGTH]
    return listed.index(wanted) if wanted in listed else -1


def slowly(model: FrozenModel, before: Events, later: Events) -> dict[int, tuple[int, int, int]]:
    """Replay event by event with plain loops: event -> places live, left alone, by popularity."""
    limit, ids = model.history_limit, model.vocabulary.ids
    night: dict[str, UserHistory] = dict(merge_events(before, limit).by_user())
    now = dict(night)
    popular_ids = [ids[row] for row in np.argsort(-model.popularity, kind="stable").tolist()]
    by_code = [
        (-model.popularity[ids.index(v)], code, v)
        for code, v in enumerate(later.videos)
        if v in ids
    ]
    found = {}
    for index in range(len(later)):
        said = later.interaction(index)
        history = now.get(said.user, UserHistory.empty())
        liked = (said.rating or 0) >= 4 or said.kind in ("like", "share")
        if liked and said.video in ids and said.video not in history.videos:
            alone = rank_histories(
                model.flat, [night.get(said.user, UserHistory.empty())], model.n_items
            )
            order = [ids[row] for row in alone.rows[0].tolist() if row >= 0]
            order = order if alone.personal[0] else popular_ids
            live = rank_histories(model, [history], LENGTH).rows[0].tolist()
            found[index] = (
                place([ids[row] for row in live], said.video),
                place([v for v in order if v not in history.videos], said.video),
                place([v for *_, v in sorted(by_code) if v not in history.videos], said.video),
            )
        now[said.user] = history.add(said, limit)
    return found


@pytest.mark.parametrize("limit", [1_000, 15])
def test_the_replay_is_what_a_plain_loop_gives(limit: int) -> None:
    """Every event that counts has the places that adding event after event leads to."""
    rows = world(users=60)
    newest = sorted(row["at"] for row in rows)[-20:]
    rows += [event(f"v{at % 7}", "like", at, user="newcomer") for at in newest]
    before, later = events_of(rows).split(0.8)
    model = builders.model(n_items=110, history_limit=limit)
    scores = replay(model, merge_events(before, limit), later)
    found = dict(zip(scores.events.tolist(), zip(*scores[1:], strict=True), strict=True))
    assert found == slowly(model, before, later)
    for served in scores[1:]:
        assert 0 < (served >= 0).mean() < 1


def test_taste_shows() -> None:
    """Where every user has a group of videos, live lists beat popularity by far."""
    _, scores = judged(world())
    assert np.mean(scores.live >= 0) > 2 * np.mean(scores.popularity >= 0) > 0


def test_names_do_not_change_the_figures() -> None:
    """With other ids for users and videos every place in every list is the same."""
    for one, other in zip(judged(world())[1], judged(renamed(world()))[1], strict=True):
        assert np.array_equal(one, other)


def test_the_future_is_not_looked_at() -> None:
    """Whatever happens after an event, its places stay as they are."""
    before, later = events_of(world()).split(0.8)
    model, histories = trained(before), merge_events(before)
    half = len(later) // 2
    changed = later.rating.copy()
    changed[half:] = 6 - changed[half:]
    scores = replay(model, histories, later)
    other = replay(model, histories, replace(later, rating=changed))
    for one, two in zip(scores[1:], other[1:], strict=True):
        assert np.array_equal(one[scores.events < half], two[other.events < half])
    assert not np.array_equal(scores.events, other.events)


def test_the_lists_start_out_as_last_night_left_them() -> None:
    """Before a user's first later event, the live list is last night's if nothing fades."""
    before, later = events_of(world()).split(0.8)
    scores = replay(trained(before).flat, merge_events(before), later)
    _, first = np.unique(later.user, return_index=True)
    at_first = np.isin(scores.events, first)
    assert at_first.any()
    assert np.array_equal(scores.live[at_first], scores.left_alone[at_first])


def test_a_budget_draws_some_of_the_same_events() -> None:
    """With a budget a seeded part of the events is looked at, each with the same outcome."""
    rows = world()
    again = [row | {"at": NOW_MS + at} for at, row in enumerate(rows[::3], 1)]  # no targets
    before, later = events_of(rows + again).split(0.6)
    model, histories = trained(before), merge_events(before)
    full = replay(model, histories, later)
    part = replay(model, histories, later, ReplaySettings(budget=50))
    assert len(part.events) == 50
    chosen = np.isin(full.events, part.events)
    for one, other in zip(full, part, strict=True):
        assert np.array_equal(one[chosen], other)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ({"kind": "rating", "rating": 4.0}, True),
        ({"kind": "rating", "rating": 3.5}, False),
        ({"kind": "watch", "watch_ratio": 0.5}, True),
        ({"kind": "watch", "watch_ratio": 0.4, "rating": 5.0}, False),
        ({"kind": "like"}, True),
        ({"kind": "share"}, True),
        ({"kind": "dislike"}, False),
        ({"kind": "hide"}, False),
        ({"kind": "neutral"}, False),
    ],
)
def test_what_counts_as_liked(said: dict[str, Any], *, counts: bool) -> None:
    """High stars, half a watch, a like and a share say that the user took to the video."""
    rows = [event(f"v{n}", user=f"u{n % 3}", at=n + 1) for n in range(9)]
    rows.append({"user": "u0", "video": "v1", "at": 10, **said})
    before, later = events_of(rows).split(0.9)
    scores = replay(trained(before), merge_events(before), later)
    assert len(scores.events) == counts


@pytest.mark.parametrize("video", ["seen before", "never trained", "blocked"])
def test_what_cannot_be_listed_does_not_count(video: str) -> None:
    """A video in the history, unknown to the model or blocked is no target."""
    rows = [event(v, user="u", at=n) for n, v in enumerate(["seen before", "x"], 1)]
    rows += [event(v, user="w", at=n) for n, v in enumerate(["blocked", "x", "y"], 3)]
    before, later = events_of([*rows, event(video, user="u", at=9)]).split(5 / 6)
    model = trained(before)
    model = replace(model, blocked=np.array([v == "blocked" for v in model.vocabulary.ids]))
    assert len(replay(model, merge_events(before), later).events) == 0


def test_a_video_counts_once() -> None:
    """Of two likes of the same video only the first is a target."""
    rows = [event(f"v{n}", user=f"u{n % 3}", at=n + 1) for n in range(9)]
    rows += [event("v1", "like", user="u0", at=at) for at in (10, 11)]
    before, later = events_of(rows).split(9 / 11)
    assert replay(trained(before), merge_events(before), later).events.tolist() == [0]


def test_halves_of_different_events_are_refused() -> None:
    """Histories and later events that number users differently can't be mixed up."""
    before, _ = events_of(world()).split(0.8)
    _, later = events_of(world()).split(0.8)
    assert (later.kind == RATING).all()
    with pytest.raises(ValueError, match="split in two"):
        replay(trained(before), merge_events(before), later)


def test_there_are_as_many_events_as_the_rows_say() -> None:
    """The replay of liked, new and known videos counts each of them."""
    rows = world(users=30)
    later, scores = judged(rows)
    known = {row["video"] for row in plain(events_of(rows).split(0.8)[0])}
    liked = [row for row in plain(later) if row["rating"] >= 4 and row["video"] in known]
    assert len(scores.events) == len(liked)
