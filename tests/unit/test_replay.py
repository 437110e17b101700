"""The replay judges what the day would have served, and looks at nothing that comes after."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from batch_training.events import RATING
from batch_training.histories import merge_events
from batch_training.replay import ReplayScores, ReplaySettings, replay
from batch_training.train import fit, freeze, training_set
from batch_training.train_settings import TrainSettings
from data.up_next import rank_histories
from data.user_history import UserHistory
from tests import builders
from tests.builders import event
from tests.unit.nights import events_of, plain, renamed, world

if TYPE_CHECKING:
    from batch_training.events import Events
    from data.frozen_model import FrozenModel

SETTINGS = TrainSettings(factors=8, iterations=4, regularization=5.0, threads=1)
ALL = ReplaySettings(budget=None)


def trained(before: Events, limit: int = 1_000, **more: Any) -> FrozenModel:  # noqa: ANN401 - any field
    """Give a small model of some events."""
    learnt_from = training_set(merge_events(before, limit), SETTINGS.confidence)
    factors = fit(learnt_from.matrix, SETTINGS)
    return replace(freeze(factors, learnt_from, SETTINGS, history_limit=limit), **more)


def judged(rows: list[dict[str, Any]], limit: int = 1_000) -> tuple[Events, ReplayScores]:
    """Train on the first 80 % of some rows, and replay the rest."""
    before, later = events_of(rows).split(0.8)
    return later, replay(trained(before, limit), merge_events(before, limit), later, ALL)


def place(rows: list[int], wanted: int) -> int:
    return rows.index(wanted) if wanted in rows else -1


def slowly(model: FrozenModel, before: Events, later: Events) -> dict[int, tuple[int, int, int]]:
    """Replay event by event with plain loops: event -> places live, left alone, by popularity."""
    limit = model.history_limit
    night: dict[str, UserHistory] = dict(merge_events(before, limit).by_user())
    now = dict(night)
    places = {}
    for index in range(len(later)):
        said = later.interaction(index)
        history = now.get(said.user, UserHistory.empty())
        row = int(model.vocabulary.rows([said.video])[0])
        liked = (said.rating or 0) >= 4 or said.kind in ("like", "share")
        if liked and row >= 0 and said.video not in history.videos:
            seen = set(model.vocabulary.rows(history.videos).tolist())
            popular = [r for r in np.argsort(-model.popularity, kind="stable") if r not in seen]
            everything = rank_histories(
                model.flat, [night.get(said.user, UserHistory.empty())], model.n_items
            )
            alone = [r for r in everything.rows[0].tolist() if r not in seen]
            alone = alone if everything.personal[0] else popular
            live = rank_histories(model, [history], 10).rows[0].tolist()
            places[index] = (place(live, row), place(alone[:10], row), place(popular[:10], row))
        now[said.user] = history.add(said, limit)
    return places


@pytest.mark.parametrize("limit", [1_000, 15])
def test_the_replay_is_what_a_plain_loop_gives(limit: int) -> None:
    """Every event that counts has the places that adding event after event leads to."""
    rows = world(users=60)
    newest = sorted(row["at"] for row in rows)[-20:]
    rows += [event(f"v{at % 7}", "like", at, user="newcomer") for at in newest]
    before, later = events_of(rows).split(0.8)
    model = builders.model(n_items=110, history_limit=limit)
    scores = replay(model, merge_events(before, limit), later, ALL)
    found = dict(zip(scores.events.tolist(), zip(*scores[1:], strict=True), strict=True))
    assert found == slowly(model, before, later)
    for served in scores[1:]:
        assert 0 < (served >= 0).mean() < 1


def test_taste_shows() -> None:
    """Where every user has a group of videos, live lists beat popularity by far."""
    _, scores = judged(world())
    figures = scores.figures()
    assert figures["live"]["hit_rate"] > 2 * figures["popularity"]["hit_rate"]
    assert figures["live"]["mrr"] > figures["popularity"]["mrr"] > 0


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
    scores = replay(model, histories, later, ALL)
    other = replay(model, histories, replace(later, rating=changed), ALL)
    for one, two in zip(scores[1:], other[1:], strict=True):
        assert np.array_equal(one[scores.events < half], two[other.events < half])
    assert not np.array_equal(scores.events, other.events)


def test_the_lists_start_out_as_last_night_left_them() -> None:
    """Before a user's first later event, the live list is last night's if nothing fades."""
    before, later = events_of(world()).split(0.8)
    scores = replay(trained(before).flat, merge_events(before), later, ALL)
    _, first = np.unique(later.user, return_index=True)
    at_first = np.isin(scores.events, first)
    assert at_first.any()
    assert np.array_equal(scores.live[at_first], scores.left_alone[at_first])


def test_a_budget_draws_some_of_the_same_events() -> None:
    """With a budget a seeded part of the events is looked at, each with the same outcome."""
    before, later = events_of(world()).split(0.8)
    model, histories = trained(before), merge_events(before)
    told: list[tuple[int, int]] = []
    full = replay(model, histories, later, ALL)
    part = replay(
        model, histories, later, ReplaySettings(budget=50), lambda *step: told.append(step)
    )
    assert told == [(50, 50)]
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
    scores = replay(trained(before), merge_events(before), later, ALL)
    assert len(scores.events) == counts


@pytest.mark.parametrize("video", ["seen before", "never trained", "blocked"])
def test_what_cannot_be_listed_does_not_count(video: str) -> None:
    """A video in the history, unknown to the model or blocked is no target."""
    rows = [event(v, user="u", at=n) for n, v in enumerate(["seen before", "x"], 1)]
    rows += [event(v, user="w", at=n) for n, v in enumerate(["blocked", "x", "y"], 3)]
    before, later = events_of([*rows, event(video, user="u", at=9)]).split(5 / 6)
    model = trained(before)
    model = replace(model, blocked=np.array([v == "blocked" for v in model.vocabulary.ids]))
    assert len(replay(model, merge_events(before), later, ALL).events) == 0


def test_a_video_counts_once() -> None:
    """Of two likes of the same video only the first is a target."""
    rows = [event(f"v{n}", user=f"u{n % 3}", at=n + 1) for n in range(9)]
    rows += [event("v1", "like", user="u0", at=at) for at in (10, 11)]
    before, later = events_of(rows).split(9 / 11)
    assert replay(trained(before), merge_events(before), later, ALL).events.tolist() == [0]


@pytest.mark.parametrize("wrong", [{"length": 0}, {"budget": 0}])
def test_nothing_to_look_at_is_refused(wrong: dict[str, Any]) -> None:
    """Lists without places and a budget of no events are refused by name."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ReplaySettings(**wrong)


def test_halves_of_different_events_are_refused() -> None:
    """Histories and later events that number users differently can't be mixed up."""
    before, _ = events_of(world()).split(0.8)
    _, later = events_of(world()).split(0.8)
    assert (later.kind == RATING).all()
    with pytest.raises(ValueError, match="split in two"):
        replay(trained(before), merge_events(before), later, ALL)


def test_there_are_as_many_events_as_the_rows_say() -> None:
    """The replay of liked, new and known videos counts each of them."""
    rows = world(users=30)
    later, scores = judged(rows)
    known = {row["video"] for row in plain(events_of(rows).split(0.8)[0])}
    liked = [row for row in plain(later) if row["rating"] >= 4 and row["video"] in known]
    assert len(scores.events) == len(liked)
