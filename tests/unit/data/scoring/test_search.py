"""The n best of all videos, against their slow twin: whatever is passed over, none is missed."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.follow_ups import FollowUps
from data.scoring import Recent, rank, search, top_n
from tests import oracle
from tests.builders import model, ragged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data.frozen_model import FrozenModel
    from data.whitened import Whitened
FACTORS = 6
SMALL = model(40, FACTORS)


def expected_rows(
    given_model: FrozenModel, user: NDArray[np.float32], out: set[int], n: int
) -> list[int]:
    """Rank by the slow twin, with scores that float32 holds exactly."""
    wide = given_model.item_factors.astype(np.float64) @ user + given_model.prior
    left_out = out | set(np.flatnonzero(given_model.blocked).tolist())
    return oracle.best([float(score) for score in wide], left_out.__contains__, n)


@given(
    n_items=st.sampled_from([1, 2, 5, 63, 64, 65, 127, 128, 129, 200]),
    n=st.sampled_from([1, 2, 3, 10, 63, 64, 65, 250]),
    seed=st.integers(0, 2**31),
    distinct=st.sampled_from([1, 2, 5, 1000]),
    n_users=st.integers(0, 3),
)
def test_top_n_equals_the_oracles(
    n_items: int, n: int, seed: int, distinct: int, n_users: int
) -> None:
    """Whatever ties, blocks, exclusions and sizes: the same rows in the same order."""
    random = np.random.default_rng(seed)
    # Small whole numbers, so that float32 is exact and ties are true ties.
    factors = random.integers(-distinct, distinct + 1, (n_items, 2)).astype(np.float32)
    given_model = model(
        n_items,
        2,
        item_factors=factors,
        gram=np.eye(2),
        prior=random.integers(-distinct, distinct + 1, n_items).astype(np.float32),
        blocked=random.random(n_items) < random.choice([0, 0.5]),
    )
    users = random.integers(-1, 2, (n_users, 2)).astype(np.float32)
    share = random.choice([0, 0.3, 0.95, 1])
    out = [np.flatnonzero(random.random(n_items) < share).tolist() for _ in range(n_users)]
    rows, scores = top_n(given_model, users, ragged(out), n)
    assert rows.shape == scores.shape == (n_users, n)
    assert scores.dtype == np.float32
    for user, got, values, excluded in zip(users, rows.tolist(), scores, out, strict=True):
        expected = expected_rows(given_model, user, set(excluded), n)
        assert got == expected + [-1] * (n - len(expected))
        assert np.isneginf(values[len(expected) :]).all()
        own = factors[expected] @ user + given_model.prior[expected]
        assert (values[: len(expected)] == own).all()


@given(
    st.lists(
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 3e38, -3e38]),
        min_size=1,
        max_size=150,
    )
)
def test_rank_orders_extreme_scores(given_scores: list[float]) -> None:
    """Zeros of either sign tie, and the smallest and largest numbers stand in their order."""
    rows, scores = rank(np.array(given_scores, np.float32), np.zeros(0, np.int32), 70)
    wide = [float(np.float32(score)) for score in given_scores]
    expected = oracle.best(wide, lambda _: False, 70)
    assert rows[: len(expected)].tolist() == expected
    assert scores[: len(expected)].tolist() == [wide[row] for row in expected]
    assert (rows[len(expected) :] == -1).all()


@given(st.integers(0, 1000), st.integers(1, 30))
def test_top_n_alone_is_as_in_a_batch(seed: int, n: int) -> None:
    """A user's list is the same alone and in a batch, except among near ties."""
    users = np.random.default_rng(seed).normal(size=(5, FACTORS)).astype(np.float32)
    out = ragged([[i, i + 7] for i in range(5)])
    rows, scores = top_n(SMALL, users, out, n)
    for i in range(5):
        alone, values = top_n(SMALL, users[i : i + 1], ragged([[i, i + 7]]), n)
        np.testing.assert_allclose(values[0], scores[i], rtol=1e-5, atol=1e-6)
        differ = alone[0] != rows[i]
        np.testing.assert_allclose(values[0][differ], scores[i][differ], rtol=1e-6)


def test_many_users_go_through_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the scores of all users would not fit, the pieces give the same as the whole."""
    wide = model(400, FACTORS)
    count = 20
    users = np.random.default_rng(1).normal(size=(count, FACTORS)).astype(np.float32)
    out = ragged([[i] for i in range(count)])
    whole = top_n(wide, users, out, 5)
    monkeypatch.setattr(search, "_MAX_SCORES", 3 * 416)
    pieces = top_n(wide, users, out, 5)
    assert (whole[0] == pieces[0]).all()
    np.testing.assert_allclose(whole[1], pieces[1], rtol=1e-5)


def test_everything_excluded_leaves_nothing() -> None:
    """A user who has seen all videos gets only -1, and others in the batch are not touched."""
    users = np.ones((2, FACTORS), np.float32)
    rows, scores = top_n(SMALL, users, ragged([range(40), []]), 4)
    assert rows[0].tolist() == [-1] * 4
    assert np.isneginf(scores[0]).all()
    assert (rows[1] >= 0).all()


@given(st.integers(0, 2**31), st.sampled_from([1, 2, 20]))
def test_many_ties_go_to_the_lower_rows(seed: int, n: int) -> None:
    """Where hundreds of videos of other lengths tie, the lowest rows are listed, as by the oracle.

    Neither user tells apart what differs in the first factor alone.
    """
    random = np.random.default_rng(seed)
    factors = random.integers([-9, 0], [10, 2], (2_000, 2)).astype(np.float32)
    prior = np.zeros(len(factors), np.float32)
    tied = model(len(factors), 2, item_factors=factors, gram=np.eye(2), prior=prior)
    users = np.array([[0, 0], [0, 1]], np.float32)
    out = random.choice(50, (len(users), 20))
    rows, _ = top_n(tied, users, ragged(out.tolist()), n)
    for user, got, excluded in zip(users, rows.tolist(), out.tolist(), strict=True):
        assert got == expected_rows(tied, user, set(excluded), n)


def test_equal_videos_take_little_room() -> None:
    """Where all videos tie, the first rows are listed, and memory holds no more than scores do."""
    count, n_users = 50_000, 100
    equal = model(
        count,
        2,
        item_factors=np.ones((count, 2), np.float32),
        gram=np.eye(2),
        prior=np.zeros(count, np.float32),
    )
    users = np.random.default_rng(0).normal(size=(n_users, 2)).astype(np.float32)
    assert len(equal.whitened.factors) == count  # derived before the memory is looked at
    tracemalloc.start()
    rows, _ = top_n(equal, users, ragged([[1, 3]] * n_users), 5)
    _, greatest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows.tolist() == [[0, 2, 4, 5, 6]] * n_users
    assert greatest < 80e6


def drawn_model(
    random: np.random.Generator, n_items: int, distinct: int, prior: int
) -> FrozenModel:
    """Draw whole numbers again, and lengths that fall as those of trained factors."""
    steep = np.geomspace(distinct, 1, n_items)[:, None]
    rows = random.integers(0, n_items, (n_items, 4)).astype(np.int32)
    lifts = random.integers(-1, 2 * distinct, rows.shape).astype(np.float32)
    return model(
        n_items,
        3,
        item_factors=np.round(random.uniform(-1, 1, (n_items, 3)) * steep).astype(np.float32),
        gram=np.eye(3),
        prior=random.integers(0, prior + 1, n_items).astype(np.float32),
        blocked=random.random(n_items) < random.choice([0, 0.2]),
        follow_ups=FollowUps(rows, lifts, 1.0),
    )


@given(
    n_items=st.integers(33, 300),
    n=st.sampled_from([1, 3, 20]),
    seed=st.integers(0, 2**31),
    distinct=st.sampled_from([1, 4, 1000]),
    prior=st.sampled_from([0, 1, 50]),
)
def test_what_is_passed_over_is_never_among_the_best(
    n_items: int, n: int, seed: int, distinct: int, prior: int
) -> None:
    """With few videos looked at first, lists are those of all scores, follow-ups included."""
    random = np.random.default_rng(seed)
    given_model = drawn_model(random, n_items, distinct, prior)
    users = random.integers(-2, 3, (4, 3)).astype(np.float32)
    out = [random.choice(n_items, 20, replace=False).tolist() for _ in users]
    weight = random.choice([0, 0.5, 1], (len(users), 20)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_FIRST", 32)
        recent = Recent(ragged(out), weight.ravel())
        rows, scores = top_n(given_model, users, ragged(out), n, recent)
    for number, user in enumerate(users):
        wide = followed(given_model, user, out[number], weight[number])
        left_out = {*out[number], *np.flatnonzero(given_model.blocked).tolist()}
        expected = oracle.best(wide.tolist(), left_out.__contains__, n)
        assert rows[number].tolist() == expected + [-1] * (n - len(expected))
        assert scores[number, : len(expected)].tolist() == wide[expected].tolist()


def followed(
    given_model: FrozenModel,
    user: NDArray[np.float32],
    seen: list[int],
    weight: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Score all videos, with the follow-ups of what the user saw."""
    wide: NDArray[np.float64] = given_model.item_factors.astype(np.float64) @ user
    wide += given_model.prior
    assert given_model.follow_ups
    for row, left in zip(seen, weight.tolist(), strict=True):
        np.add.at(wide, given_model.follow_ups.rows[row], given_model.follow_ups.scores[row] * left)
    return wide


def test_short_videos_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of factors whose lengths fall as in training, only the first places are scored."""
    steep = np.geomspace(1, 1e-4, 400, dtype=np.float32)[:, None]
    factors = np.random.default_rng(0).normal(size=(400, FACTORS)).astype(np.float32) * steep
    falling = model(400, FACTORS, item_factors=factors, prior=np.zeros(400, np.float32))
    users = np.random.default_rng(1).normal(size=(5, FACTORS)).astype(np.float32)
    seen: list[int] = []
    scores = search._scores

    def watched(whitened: Whitened, some: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        seen.append(size)
        return scores(whitened, some, size)

    monkeypatch.setattr(search, "_FIRST", 64)
    monkeypatch.setattr(search, "_scores", watched)
    top_n(falling, users, ragged([[]] * 5), 5)
    assert max(seen) < 400
