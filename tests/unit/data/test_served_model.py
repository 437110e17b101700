"""What a worker keeps of a model serves as the whole of it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import whitened
from data.frozen_model import FrozenModel
from data.served_model import ServedModel
from data.up_next import UpNext, up_next
from tests.builders import event, history, model

if TYPE_CHECKING:
    from data.served_model import Servable


@given(st.integers(0, 1_000), st.integers(1, 60), st.integers(1, 40))
def test_whitened_in_place_as_beside(seed: int, n_items: int, n_factors: int) -> None:
    """However many are whitened at once, every number is that of the whole model."""
    blocked = np.random.default_rng(seed).random(n_items) < 0.2
    whole = model(n_items, n_factors, seed, blocked=blocked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whitened, "_AT_ONCE", 7)
        expected = whole.whitened
        found = ServedModel.in_place_of(_writable(whole)).whitened
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_lists_are_those_of_the_whole_model() -> None:
    """Its lists, personal and popular, are those of the frozen model."""
    whole = model(blocked=np.arange(40) % 9 == 4)
    expected, shape = lists(whole), (whole.n_items, whole.n_factors)
    served = ServedModel.in_place_of(_writable(whole))
    assert lists(served) == expected
    assert [shown.personal for shown in expected] == [True, False]
    assert (served.n_items, served.n_factors) == shape


def test_whitened_factors_take_the_room_of_the_others() -> None:
    """The factors lie in the bytes that were read, so that a worker holds them once."""
    blob = memoryview(bytearray(model().to_bytes()))
    served = ServedModel.in_place_of(FrozenModel.from_bytes(blob))
    assert np.shares_memory(served.whitened.factors, np.frombuffer(blob, np.uint8))


def test_what_is_read_only_is_not_overwritten() -> None:
    """A model in bytes that can't be written to stays as it is, and it is said."""
    whole = FrozenModel.from_bytes(model().to_bytes())
    before = whole.item_factors.copy()
    with pytest.raises(ValueError, match="read-only"):
        ServedModel.in_place_of(whole)
    np.testing.assert_array_equal(whole.item_factors, before)


def lists(given_model: Servable) -> list[UpNext]:
    """Make the lists of a user who likes something and of one who doesn't."""
    histories = [history([event("v1"), event("v7", "like")]), history([event("v2", "dislike")])]
    return up_next(given_model, ["fan", "critic"], histories, version="v", activation=1)


def _writable(given_model: FrozenModel) -> FrozenModel:
    return FrozenModel.from_bytes(memoryview(bytearray(given_model.to_bytes())))
