"""The fold-in against its slow twin in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.scoring import Ragged, fold_in, top_n
from tests import oracle
from tests.builders import model, ragged

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

    from data.frozen_model import FrozenModel

FACTORS = 6


SMALL = model(40, FACTORS)


ROUNDING = 2e-5  # of float32 through a solve with confidences up to 1000, relative


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


@pytest.mark.parametrize("count", [20, 127, 300])
@pytest.mark.parametrize("different", [1, 5, 300])
@pytest.mark.parametrize("value", [1e4, 1e6])
def test_strong_confidences_of_alike_videos(count: int, different: int, value: float) -> None:
    """Where confidences are great and videos equal, scores are as right as ever."""
    random = np.random.default_rng(count)
    few = random.normal(0, 0.3, (different, 128))
    factors = few[random.integers(different, size=count)].astype(np.float32)
    wide = factors.astype(np.float64)
    gram = wide.T @ wide + 0.5 * np.eye(128)
    alike = model(count, 128, item_factors=factors, gram=gram)
    values = np.array([value, *[-value, value / 3] * count][:count], np.float32)
    got = plain(alike, fold_in(alike, ragged([range(count)]), values))
    exact = wide @ oracle.fold_in(wide, gram, list(range(count)), values.tolist())
    np.testing.assert_allclose(wide @ got[0], exact, atol=3e-6 * np.abs(exact).max(), rtol=0)


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
