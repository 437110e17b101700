"""The vocabulary's way from ids to rows and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.vocabulary import Vocabulary

unique_ids = st.lists(st.text(min_size=1), unique=True)


@given(unique_ids)
def test_arrays_round_trip(ids: list[str]) -> None:
    """What was packed into arrays comes out the same, whatever the ids are made of."""
    vocabulary = Vocabulary(ids)

    text, offsets = vocabulary.to_arrays()

    assert [text.dtype, offsets.dtype] == [np.dtype(np.uint8), np.dtype(np.int64)]
    assert Vocabulary.from_arrays(text, offsets) == vocabulary


@given(unique_ids)
def test_rows_and_ids_are_inverse(ids: list[str]) -> None:
    """Every id has the row at which the caller put it, and the row gives the id again."""
    vocabulary = Vocabulary(ids)

    assert vocabulary.rows(ids).tolist() == list(range(len(ids)))
    assert [vocabulary.id(row) for row in range(len(vocabulary))] == ids


def test_unknown_ids_have_row_minus_one() -> None:
    """An id that the model doesn't know is -1 among the rows, and costs no exception."""
    rows = Vocabulary(["b", "a"]).rows(["a", "zebra", "b", ""])

    assert rows.tolist() == [1, -1, 0, -1]
    assert rows.dtype == np.int32


@pytest.mark.parametrize("row", [-1, 2])
def test_a_row_that_is_not_there_has_no_id(row: int) -> None:
    """The unknown row -1 never stands for the last id."""
    with pytest.raises(IndexError, match=f"no row {row} in a vocabulary of 2"):
        Vocabulary(["a", "b"]).id(row)


def test_equality_goes_by_ids_and_order() -> None:
    """Two vocabularies are equal if every row means the same id."""
    assert Vocabulary(["a", "b"]) == Vocabulary(("a", "b"))
    assert hash(Vocabulary(["a", "b"])) == hash(Vocabulary(("a", "b")))
    assert Vocabulary(["a", "b"]) != Vocabulary(["b", "a"])
    assert repr(Vocabulary(["a", "b"])) == "Vocabulary of 2 ids"


def test_an_id_twice_is_refused() -> None:
    """A repeated id is named."""
    with pytest.raises(ValueError, match="'b' stands in the vocabulary twice"):
        Vocabulary(["a", "b", "c", "b"])


def test_an_empty_id_is_refused() -> None:
    """An empty id is refused, with its row."""
    with pytest.raises(ValueError, match="row 1 of the vocabulary has an empty id"):
        Vocabulary(["a", ""])


@pytest.mark.parametrize(
    "offsets",
    [[], [1, 3], [0, 2], [0, 2, 1, 3], [0, 4]],
    ids=["none", "not from 0", "too short", "backwards", "too long"],
)
def test_offsets_that_do_not_fit_are_refused(offsets: list[int]) -> None:
    """Arrays that don't belong together never become a vocabulary."""
    with pytest.raises(ValueError, match="don't cut up its 3 bytes"):
        Vocabulary.from_arrays(np.frombuffer(b"abc", np.uint8), np.array(offsets, np.int64))
