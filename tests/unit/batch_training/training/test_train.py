"""Training finds the factors of the objective that the fold-in solves."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_training.merging.histories import Histories, merge_events
from batch_training.training import matrix as train_matrix
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.confidence import ConfidenceParameters, training_confidence
from data.frozen_model import FrozenModel
from data.scoring import Ragged, fold_in
from data.sources.known_tastes import make_known_tastes
from data.up_next import known_videos
from data.video_state import STATE
from tests.builders import event
from tests.known_truth import truth_of
from tests.unit.nights import events_of, renamed, world

SMALL = TrainSettings(factors=8, iterations=4, regularization=5.0, threads=1, device="cpu")


def test_training_and_fold_in_solve_the_same_problem() -> None:
    """At the end of training, each video's factors solve its own equations with folded-in users.

    The equations are written out here (Hu, Koren and Volinsky 2008), so this holds the stored
    confidence, the regularization and the sign of what is unwanted to what the day computes.
    """
    rows = world(users=40, videos=30, each=12)
    rows += [{**row, "kind": "dislike"} for row in rows[::7]]
    confidence = ConfidenceParameters(alpha=4.0)
    settings = msgspec.structs.replace(SMALL, factors=4, iterations=400, confidence=confidence)
    learnt_from = training_set(merge_events(events_of(rows)), settings)
    model = freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)
    stored = learnt_from.matrix
    known = Ragged(stored.indptr[1:].astype(np.int64), stored.indices)
    whitened = fold_in(model, known, stored.data).astype(np.float64)
    users = np.linalg.solve(np.linalg.cholesky(model.gram).T, whitened.T).T
    for row, column in enumerate(stored.T.toarray().astype(np.float64)):
        weight = np.where(column != 0, np.abs(column), 1.0)
        left = (users.T * weight) @ users + 5.0 * np.eye(4)
        solved = np.linalg.solve(left, np.maximum(column, 0.0) @ users)
        assert model.item_factors[row] == pytest.approx(solved, abs=2e-3)
    assert np.abs(model.item_factors).max() > 0.1


def test_scale_is_learnt_from_those_who_are_trained_on() -> None:
    """Training stores what the fold-in makes of it, and knows nothing of users left out."""
    truth = truth_of(make_known_tastes(seed=5, users=60, videos=40, watches=10))
    without = np.arange(60) % 3 == 0
    settings = msgspec.structs.replace(SMALL, confidence=ConfidenceParameters(half_life=None))
    histories, durations = truth.histories, truth.durations
    some = training_set(histories, settings, without=without, durations=durations)
    others = training_set(histories.take(~without), settings, durations=durations)
    assert some.watch_scale is not None
    assert others.watch_scale is not None
    np.testing.assert_array_equal(some.watch_scale.knots, others.watch_scale.knots)
    np.testing.assert_array_equal(some.watch_scale.bucket, others.watch_scale.bucket)
    model = freeze(fit(some.matrix, settings).item_factors, some, settings)
    for user in np.flatnonzero(~without).tolist():
        known, stored = known_videos(model, [histories.history(user)]), some.matrix[user]
        order = np.argsort(known.videos.rows)
        np.testing.assert_array_equal(stored.indices, known.videos.rows[order])
        np.testing.assert_array_equal(stored.data, known.confidence[order])


def test_threads_do_not_change_the_factors() -> None:
    """The same seed gives the same factors on one thread and on two; another seed others."""
    matrix = training_set(merge_events(events_of(world())), SMALL).matrix
    one, two, other = (
        fit(matrix, msgspec.structs.replace(SMALL, **changed)).item_factors
        for changed in ({}, {"threads": 2}, {"seed": 1})
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_the_matrix_holds_what_users_said() -> None:
    """A wanted video is stored above 1, a disliked one below -1, a like taken back not at all."""
    rows = [
        event("wanted", "rating", 3, rating=4.0),
        event("unwanted", "hide", 4),
        event("taken back", "like", 5),
        event("taken back", "neutral", 6),
        event("unwanted", "rating", 7, user="other", rating=5.0),
    ]
    settings = msgspec.structs.replace(SMALL, confidence=ConfidenceParameters(alpha=10.0))
    learnt_from = training_set(merge_events(events_of(rows)), settings)
    assert learnt_from.vocabulary.ids == ("wanted", "unwanted")
    assert learnt_from.matrix.toarray().tolist() == [[11.0, -6.0], [0.0, 14.0]]
    assert learnt_from.matrix.dtype == np.float32
    assert learnt_from.popularity.tolist() == [1, 1]
    assert learnt_from.left_out == {}


def test_videos_with_too_little_support_are_left_out_and_counted() -> None:
    """A video that fewer users want than asked for has no column; so many users have nothing."""
    rows = [
        event(video, kind, at, user=user)
        for at, (user, video, kind) in enumerate(
            [
                ("a", "twice", "like"),
                ("b", "twice", "like"),
                ("a", "once", "like"),
                ("b", "once", "hide"),
                ("c", "once", "hide"),
                ("d", "never", "hide"),
                ("e", "taken back", "neutral"),
            ],
            1,
        )
    ]
    histories = merge_events(events_of(rows))
    ids, left_out = {}, {}
    for support in (1, 2, 3):
        found = training_set(histories, SMALL, support)
        ids[support], left_out[support] = found.vocabulary.ids, [*found.left_out.values()]
        assert found.matrix.shape == (5, len(found.vocabulary))
    assert ids == {1: ("twice", "once"), 2: ("twice",), 3: ()}
    assert left_out == {1: [1, 2], 2: [2, 3], 3: [3, 5]}


def test_users_can_be_left_out_of_the_training() -> None:
    """Without some users the matrix is that of the others, in the same rows, and they count not."""
    histories = merge_events(events_of(world()))
    without = np.arange(len(histories)) % 3 == 0
    some = training_set(histories, SMALL, without=without)
    others = training_set(histories.take(~without), SMALL)
    assert some.vocabulary == others.vocabulary
    assert (some.matrix[~without] != others.matrix).nnz == 0
    assert not some.matrix[without].nnz
    assert some.left_out == others.left_out


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([1, 3, 1 << 16]))
def test_the_slices_do_not_show(seed: int, support: int, rows: int) -> None:
    """However the histories are cut up, the matrix is the one that plain loops over them give."""
    histories = _random_histories(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_matrix, "_ROWS", rows)
        found = training_set(histories, SMALL, support)
    stored = {
        (user, histories.videos[histories.video[row]]): value
        for user in range(len(histories))
        for row in range(histories.ends[user] - histories.lengths[user], histories.ends[user])
        if (value := training_confidence(histories.states[row : row + 1], SMALL.confidence)[0])
    }
    wanted = Counter(video for (_, video), value in stored.items() if value > 0)
    ids = [video for video in histories.videos if wanted[video] >= support]
    expected = [[stored.get((u, video), 0.0) for video in ids] for u in range(len(histories))]
    assert found.vocabulary.ids == tuple(ids)
    assert found.popularity.tolist() == [wanted[video] for video in ids]
    assert np.array_equal(found.matrix.toarray(), np.reshape(expected, found.matrix.shape))
    found.matrix.check_format(full_check=True)
    assert found.matrix.has_sorted_indices
    assert found.matrix.nnz == np.count_nonzero(expected)


def test_names_do_not_change_the_model() -> None:
    """With other ids for users and videos every number of the model is the same."""
    models = []
    for rows in (world(), renamed(world())):
        learnt_from = training_set(merge_events(events_of(rows)), SMALL)
        factors = fit(learnt_from.matrix, SMALL).item_factors
        models.append(freeze(factors, learnt_from, SMALL))
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
    learnt_from = training_set(merge_events(events_of(rows)), SMALL)
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
        {"device": "tpu"},
        {"check_every": -1},
        {"tolerance": -0.1},
        {"tolerance": 1.0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainSettings(**wrong)


def _random_histories(seed: int) -> Histories:
    """Draw histories of a few users, some of them empty, in which much is unwanted or unsaid."""
    random = np.random.default_rng(seed)
    n_users, n_videos = random.integers(1, 7, 2)
    lengths = random.integers(0, n_videos + 1, n_users)
    states = np.zeros(lengths.sum(), STATE)
    states["latest"] = 1
    states["seen"], states["hidden"] = random.integers(0, 2, (2, len(states)))
    states["rating"] = random.integers(0, 6, len(states))
    return Histories(
        users=[f"u{user}" for user in range(n_users)],
        videos=[f"v{video}" for video in range(n_videos)],
        ends=np.cumsum(lengths),
        video=np.concatenate([random.permutation(n_videos)[:n] for n in lengths]).astype(np.int32),
        states=states,
        mark_at=np.zeros(n_users, np.int64),
        mark_video=np.full(n_users, -1, np.int32),
    )
