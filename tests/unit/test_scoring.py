"""The numerics against their slow twin in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.follow_ups import FollowUps
from data.scoring import Ragged, Recent, fold_in, rank, search, top_n
from tests import oracle
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from numpy.typing import NDArray

    from data.frozen_model import FrozenModel
    from data.whitened import Whitened

FACTORS = 6
SMALL = model(40, FACTORS)
ROUNDING = 2e-5  # of float32 through a solve with confidences up to 1000, relative


def ragged(parts: Sequence[Sequence[int]]) -> Ragged:
    """Put the rows of several users one after the other."""
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return Ragged(ends, np.array([row for part in parts for row in part], np.int32))


def signed() -> st.SearchStrategy[float]:
    """Draw confidences: exactly 1, moderate, strong, and negative ones."""
    size = st.just(1.0) | st.floats(1, 60, width=32) | st.floats(60, 1000, width=32)
    return st.builds(lambda value, sign: sign * value, size, st.sampled_from([1.0, 1.0, -1.0]))


def plain(given_model: FrozenModel, users: NDArray[np.float32]) -> NDArray[np.float64]:
    """Turn whitened user factors back into those of the paper."""
    lower = np.linalg.cholesky(given_model.gram)
    return np.linalg.solve(lower.T, users.astype(np.float64).T).T


USER = st.dictionaries(st.integers(0, 39), signed(), max_size=4 * FACTORS)


def assert_close(got: NDArray[np.floating], expected: NDArray[np.float64]) -> None:
    """Compare the factors of one user."""
    np.testing.assert_allclose(got, expected, rtol=0, atol=ROUNDING * max(1, abs(expected).max()))


@given(st.lists(USER, max_size=6))
def test_fold_in_equals_the_oracles(users: list[dict[int, float]]) -> None:
    """Each user of a batch gets the factors of the paper's formula in float64."""
    values = np.array([v for user in users for v in user.values()], np.float32)
    got = fold_in(SMALL, ragged([list(user) for user in users]), values)
    assert got.dtype == np.float32
    assert got.shape == (len(users), FACTORS)
    for row, user in zip(plain(SMALL, got), users, strict=True):
        rows, confidences = list(user), [float(np.float32(v)) for v in user.values()]
        assert_close(row, oracle.fold_in(SMALL.item_factors, SMALL.gram, rows, confidences))


@pytest.mark.parametrize("count", [1, FACTORS - 1, FACTORS, FACTORS + 1, 40])
@pytest.mark.parametrize("value", [1.0, 1.5, 31.0, -1.0, -16.0])
def test_fold_in_on_both_sides_of_the_switch(count: int, value: float) -> None:
    """With fewer, as many and more videos than factors the answer is that of the same formula."""
    rows = list(range(count))
    got = fold_in(SMALL, ragged([rows]), np.full(count, value, np.float32))
    expected = oracle.fold_in(SMALL.item_factors, SMALL.gram, rows, [value] * count)
    assert_close(plain(SMALL, got)[0], expected)


@given(st.lists(USER, min_size=1, max_size=6))
def test_user_alone_is_as_in_a_batch(users: list[dict[int, float]]) -> None:
    """A user's factors do not depend on who else is in the batch, but for rounding."""
    values = np.array([v for user in users for v in user.values()], np.float32)
    together = fold_in(SMALL, ragged([list(user) for user in users]), values)
    for row, user in zip(together, users, strict=True):
        alone = fold_in(SMALL, ragged([list(user)]), np.array([*user.values()], np.float32))
        assert_close(row, alone[0].astype(np.float64))


@given(USER, st.randoms(use_true_random=False))
def test_order_of_videos_does_not_matter(user: dict[int, float], random: Random) -> None:
    """The same videos in another order give the same factors, within rounding."""
    items = list(user.items())
    random.shuffle(items)
    one, other = (
        fold_in(SMALL, ragged([[r for r, _ in pairs]]), np.array([v for _, v in pairs], np.float32))
        for pairs in (list(user.items()), items)
    )
    assert_close(one[0], other[0].astype(np.float64))


def test_user_without_known_videos_gets_zeros() -> None:
    """Users of whom nothing is known get zeros, wherever they stand in the batch."""
    got = fold_in(SMALL, ragged([[], [3], [], []]), np.array([5], np.float32))
    assert (got[[0, 2, 3]] == 0).all()
    assert (got[1] != 0).any()


def test_fold_in_leaves_the_model_alone() -> None:
    """Solving in place overwrites nothing that the model keeps."""
    kept = [a.copy() for a in SMALL.whitened]
    fold_in(SMALL, ragged([range(3), range(30)]), np.full(33, 31, np.float32))
    assert all((a == b).all() for a, b in zip(kept, SMALL.whitened, strict=True))


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


def test_zero_users() -> None:
    """No users give no factors and no lists, of the right shapes."""
    none = Ragged(np.zeros(0, np.int64), np.zeros(0, np.int32))
    users = fold_in(SMALL, none, np.zeros(0, np.float32))
    rows, scores = top_n(SMALL, users, none, 3)
    assert users.shape == (0, FACTORS)
    assert rows.shape == scores.shape == (0, 3)


@pytest.mark.parametrize(("n_items", "n_factors"), [(3_000, 128), (500, 64)])
def test_real_sizes_agree_with_the_oracle(n_items: int, n_factors: int) -> None:
    """At real sizes, on either side of the switch, scores are right to a few parts in a million."""
    large = model(n_items, n_factors, seed=3)
    random = np.random.default_rng(4)
    parts = [
        random.choice(n_items, count, replace=False).tolist()
        for count in (1, 20, 60, 127, 128, 300)
    ]
    values = [
        random.choice([1, 4, 16, 31, 60, -16], len(part)).astype(np.float32) for part in parts
    ]
    got = fold_in(large, ragged(parts), np.concatenate(values))
    wide = large.item_factors.astype(np.float64)
    for x, part, confidences in zip(plain(large, got), parts, values, strict=True):
        exact = wide @ oracle.fold_in(wide, large.gram, part, confidences.tolist())
        np.testing.assert_allclose(wide @ x, exact, atol=3e-6 * np.abs(exact).max(), rtol=0)


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
    """With few places looked at first, lists are those of all scores, follow-ups included."""
    random = np.random.default_rng(seed)
    # Whole numbers again, and lengths that fall as those of trained factors.
    steep = np.geomspace(distinct, 1, n_items)[:, None]
    factors = np.round(random.uniform(-1, 1, (n_items, 3)) * steep).astype(np.float32)
    width = 4
    follow_ups = FollowUps(
        random.integers(0, n_items, (n_items, width)).astype(np.int32),
        random.integers(-1, 2 * distinct, (n_items, width)).astype(np.float32),
        1.0,
    )
    given_model = model(
        n_items,
        3,
        item_factors=factors,
        gram=np.eye(3),
        prior=random.integers(0, prior + 1, n_items).astype(np.float32),
        blocked=random.random(n_items) < random.choice([0, 0.2]),
        follow_ups=follow_ups,
    )
    users = random.integers(-2, 3, (4, 3)).astype(np.float32)
    out = [random.choice(n_items, 20, replace=False).tolist() for _ in users]
    weight = random.choice([0, 0.5, 1], 20 * len(users)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_FIRST", 32)
        rows, scores = top_n(given_model, users, ragged(out), n, Recent(ragged(out), weight))
    for number, (user, excluded) in enumerate(zip(users, out, strict=True)):
        wide = factors.astype(np.float64) @ user + given_model.prior
        for row, left in zip(excluded, weight[20 * number :].tolist(), strict=False):
            np.add.at(wide, follow_ups.rows[row], follow_ups.scores[row] * left)
        left_out = {*excluded, *np.flatnonzero(given_model.blocked).tolist()}
        expected = oracle.best(wide.tolist(), left_out.__contains__, n)
        assert rows[number].tolist() == expected + [-1] * (n - len(expected))
        assert scores[number, : len(expected)].tolist() == wide[expected].tolist()


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
