"""The factors as the day uses them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import model


def test_whitened_factors_undo_the_gram() -> None:
    """Products of whitened factors are those through the inverse of the gram."""
    small = model(50, 6)
    by_row = small.whitened.factors[small.whitened.position_of].astype(np.float64)
    exact = small.item_factors @ np.linalg.solve(small.gram, small.item_factors.T)
    np.testing.assert_allclose(by_row @ by_row.T, exact, atol=1e-5)


def test_longest_stand_first() -> None:
    """Positions fall by length, rows and positions undo each other, and offsets come along."""
    blocked = np.array([True, False, False, True, False])
    small = model(5, 3, blocked=blocked)
    whitened = small.whitened
    assert (np.diff(whitened.lengths) <= 0).all()
    lengths = np.linalg.norm(whitened.factors, axis=1)
    np.testing.assert_allclose(lengths, whitened.lengths, rtol=1e-5)
    assert (whitened.row_at[whitened.position_of] == np.arange(5)).all()
    offsets = whitened.offsets[whitened.position_of]
    assert np.isneginf(offsets[blocked]).all()
    assert (offsets[~blocked] == small.prior[~blocked]).all()
    assert whitened.factors.dtype == whitened.offsets.dtype == np.float32


@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 8))
def test_no_score_exceeds_the_limit(seed: int, n_items: int, n_factors: int) -> None:
    """From each position on, no score in float32 is above the limit there."""
    random = np.random.default_rng(seed)
    whitened = model(
        n_items, n_factors, seed, blocked=random.random(n_items) < random.choice([0, 0.3, 1])
    ).whitened
    user = random.normal(0, random.choice([1e-6, 1, 1e6]), n_factors).astype(np.float32)
    scores = whitened.factors @ user + whitened.offsets
    limits = whitened.limit(np.arange(n_items), np.linalg.norm(user[None], axis=1))
    later = np.maximum.accumulate(scores[::-1])[::-1]
    assert (later <= limits).all()
