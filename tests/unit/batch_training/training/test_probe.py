"""The probe tells good item factors from bad ones, by users drawn once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from batch_training.merging.histories import Histories, merge_events
from batch_training.training.probe import probe
from batch_training.training.settings import FollowUpSettings, TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import TrainingSet, training_set
from data.up_next import rank_histories
from tests.builders import NOW_MS, event
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    from batch_training.events import Events

SETTINGS = TrainSettings(
    factors=8,
    iterations=8,
    regularization=5.0,
    follow_ups=FollowUpSettings(weight=0),  # they know the world without any factors
    threads=1,
    device="cpu",
)


class Past(NamedTuple):
    """What a model is trained on, and what came after."""

    before: Histories
    later: Events
    learnt_from: TrainingSet


def _past(rows: list[dict[str, object]], share: float = 0.8) -> Past:
    past, later = events_of(rows).split(share)
    before = merge_events(past)
    return Past(before, later, training_set(before, SETTINGS))


def _noise(past: Past) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    shape = (len(past.learnt_from.vocabulary), SETTINGS.factors)
    return np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)


def test_the_probe_counts_who_finds_a_wanted_video_in_the_list() -> None:
    """For all users it is what plain loops over them and their later events count."""
    rows = world()
    rows += [{**row, "kind": "hide", "at": row["at"] + 1} for row in rows[::9]]
    rows += [event(f"v{n}", "like", NOW_MS + n, user=f"new {n}") for n in range(1, 40)]
    blocked = {f"v{n}" for n in range(0, 120, 3)}
    past = _past(rows)
    model = freeze(_noise(past), past.learnt_from, SETTINGS, blocked)
    after = merge_events(past.later)
    hits = []
    for user in range(len(past.before)):
        history, since = past.before.history(user), after.history(user)
        wanted = {
            video
            for video, state in zip(since.videos, since.states, strict=True)
            if not state["hidden"] and video not in history.videos
        }
        wanted = (wanted & set(model.vocabulary.ids)) - blocked
        if wanted and history.videos:
            listed = rank_histories(model, [history], 10).rows[0].tolist()
            hits.append(bool(wanted & {model.vocabulary.ids[row] for row in listed}))
    asked = probe(*past, SETTINGS, blocked, users=10_000)
    assert asked is not None
    assert asked(_noise(past)) == np.mean(hits)
    assert 0 < np.mean(hits) < 1


def test_trained_factors_are_better_than_chance() -> None:
    """Where taste shows, the probe of a fit rises well above that of random factors."""
    past = _past(world())
    asked = probe(*past, SETTINGS)
    assert asked is not None
    fitted = fit(past.learnt_from.matrix, SETTINGS, probe=asked)
    assert fitted.probe[-1][1] > asked(_noise(past)) + 0.1


def test_users_are_drawn_once_by_the_seed() -> None:
    """The same seed asks the same users each time; a few of them give a coarse share."""
    past = _past(world())
    first, again = (probe(*past, SETTINGS, users=7) for _ in range(2))
    assert first is not None
    assert again is not None
    shares = [first(_noise(past)), first(_noise(past)), again(_noise(past))]
    assert len(set(shares)) == 1
    assert (shares[0] * 7).is_integer()


def test_without_anything_to_find_there_is_no_probe() -> None:
    """Nothing later, or only what was seen, blocked or never learnt, can't tell lists apart."""
    rows = [event("x", "like", 1), event("y", "like", 2, user="w"), event("z", "like", 3, user="w")]
    for video, blocked in (("x", ()), ("new", ()), ("z", {"z"})):
        past = _past([*rows, event(video, "like", 9)], share=0.75)
        assert probe(*past, SETTINGS, blocked) is None
    past = _past(rows, share=1.0)
    assert probe(*past, SETTINGS) is None
    past = _past([*rows, event("z", "like", 9)], share=0.75)
    assert probe(*past, SETTINGS) is not None
