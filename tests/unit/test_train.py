"""Training finds the factors of the objective that the fold-in solves."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from batch_training.histories import merge_events
from batch_training.train import FitError, fit, freeze, training_set
from batch_training.train_settings import TrainSettings
from data.confidence import ConfidenceParameters
from data.frozen_model import FrozenModel
from data.scoring import Ragged, fold_in
from tests.builders import event
from tests.unit.nights import events_of, renamed, world

SMALL = TrainSettings(factors=8, iterations=4, regularization=5.0, threads=1)


def test_training_and_fold_in_solve_the_same_problem() -> None:
    """At the end of training, each video's factors solve its own equations with folded-in users.

    The equations are written out here (Hu, Koren and Volinsky 2008), so this holds the stored
    confidence, the regularization and the sign of what is unwanted to what the day computes.
    """
    rows = world(users=40, videos=30, each=12)
    rows += [{**row, "kind": "dislike"} for row in rows[::7]]
    learnt_from = training_set(merge_events(events_of(rows)), ConfidenceParameters(alpha=4.0))
    settings = msgspec.structs.replace(SMALL, factors=4, iterations=400)
    model = freeze(fit(learnt_from.matrix, settings), learnt_from, settings)
    stored = learnt_from.matrix
    known = Ragged(stored.indptr[1:].astype(np.int64), stored.indices)
    users = fold_in(model, known, stored.data).astype(np.float64)
    for row, column in enumerate(stored.T.toarray().astype(np.float64)):
        weight = np.where(column != 0, np.abs(column), 1.0)
        left = (users.T * weight) @ users + 5.0 * np.eye(4)
        solved = np.linalg.solve(left, np.maximum(column, 0.0) @ users)
        assert model.item_factors[row] == pytest.approx(solved, abs=2e-3)
    assert np.abs(model.item_factors).max() > 0.1


def test_threads_do_not_change_the_factors() -> None:
    """The same seed gives the same factors on one thread and on two; another seed others."""
    matrix = training_set(merge_events(events_of(world())), SMALL.confidence).matrix
    factors = fit(matrix, SMALL)
    assert np.array_equal(factors, fit(matrix, msgspec.structs.replace(SMALL, threads=2)))
    assert not np.array_equal(factors, fit(matrix, msgspec.structs.replace(SMALL, seed=1)))


def test_each_iteration_is_told() -> None:
    """Whoever shows progress hears of every iteration, and how many there will be."""
    matrix = training_set(merge_events(events_of(world())), SMALL.confidence).matrix
    told: list[tuple[int, int]] = []
    fit(matrix, SMALL, lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_factors_that_are_no_numbers_are_an_error() -> None:
    """NaN never leaves the training, and the message says where to look."""
    matrix = csr_matrix(np.array([[np.nan, 2.0], [3.0, 0.0]], np.float32))
    with pytest.raises(FitError, match="alpha"):
        fit(matrix, SMALL)


def test_the_matrix_holds_what_users_said() -> None:
    """A wanted video is stored above 1, a disliked one below -1, a like taken back not at all."""
    rows = [
        event("wanted", "rating", 3, rating=4.0),
        event("unwanted", "hide", 4),
        event("taken back", "like", 5),
        event("taken back", "neutral", 6),
    ]
    matrix, vocabulary = training_set(
        merge_events(events_of(rows)), ConfidenceParameters(alpha=10.0)
    )
    assert vocabulary.ids == ("wanted", "unwanted")
    assert matrix.toarray().tolist() == [[11.0, -6.0]]
    assert matrix.dtype == np.float32


def test_names_do_not_change_the_model() -> None:
    """With other ids for users and videos every number of the model is the same."""
    models = []
    for rows in (world(), renamed(world())):
        learnt_from = training_set(merge_events(events_of(rows)), SMALL.confidence)
        models.append(freeze(fit(learnt_from.matrix, SMALL), learnt_from, SMALL))
    for name in ("item_factors", "gram", "popularity"):
        assert np.array_equal(getattr(models[0], name), getattr(models[1], name))
    assert models[0].vocabulary != models[1].vocabulary


def test_a_frozen_model_has_all_the_day_needs() -> None:
    """Gram, popularity and blocked videos follow from the training, and survive the bytes."""
    rows = [
        event(video, kind, at, user=user)
        for at, (user, video, kind) in enumerate(
            [("a", "x", "like"), ("b", "x", "like"), ("b", "y", "like"), ("a", "y", "hide")], 1
        )
    ]
    learnt_from = training_set(merge_events(events_of(rows)), SMALL.confidence)
    factors = np.arange(16, dtype=np.float32).reshape(2, 8)
    frozen = freeze(factors, learnt_from, SMALL, blocked_ids={"y", "never seen"}, history_limit=7)
    model = FrozenModel.from_bytes(frozen.to_bytes())
    assert model.vocabulary.ids == ("x", "y")
    assert model.popularity.tolist() == [2.0, 1.0]
    assert model.blocked.tolist() == [False, True]
    assert model.history_limit == 7
    wide = factors.astype(np.float64)
    assert np.array_equal(model.gram, wide.T @ wide + 5.0 * np.eye(8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"factors": 0},
        {"iterations": 0},
        {"seed": -1},
        {"threads": -1},
        {"regularization": 0.0},
        {"regularization": float("nan")},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainSettings(**wrong)
