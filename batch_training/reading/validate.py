"""Validate: the rules for live events, applied to columns of whole tables at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_training.events import RATING, WATCH
from data.interaction import KINDS, MAX_ID_BYTES
from data.sources.cells import is_json, is_number, is_text, python_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data.interaction import EventLimits

REASONS: Final = ("", "invalid", "time_out_of_bounds")  # the words of a dead letter
INVALID, OUT_OF_BOUNDS = 1, 2
_KIND_CODES: Final[dict[object, int]] = {kind: code for code, kind in enumerate(KINDS)}
T = TypeVar("T", np.int8, np.int64)

_FAR: Final = 1 << 62  # ms; out of any bounds
_NO_TIME: Final = -(1 << 63)


class Coded(NamedTuple):
    """A column of text.

    Attributes
    ----------
    code
        Shape (n,), integer: place in ``texts``; -1 for what can't be used.
    texts
        Array of text; some may be in it that no row has.
    """

    code: NDArray[np.integer]
    texts: pa.Array


class Cells(NamedTuple):
    """The columns of a table, good and bad rows; each of n values.

    Where a cell can't be used stands a code of -1, a time of `_NO_TIME` or an infinite number.
    Kinds are places in `data.interaction.KINDS`, times int64 in ms, the last two float64.
    """

    user: Coded
    video: Coded
    kind: NDArray[np.int8]
    at: NDArray[np.int64]
    watch_ratio: NDArray[np.float64]
    rating: NDArray[np.float64]


def cells_of(columns: pa.RecordBatch) -> Cells:
    """Turn the columns of a `data.sources.table.Table` into codes and numbers."""
    return Cells(
        _ids(columns.column("user")),
        _ids(columns.column("video")),
        _kinds(columns.column("kind")),
        _times(columns.column("at")),
        _numbers(columns.column("watch_ratio")),
        _numbers(columns.column("rating")),
    )


def verdict(cells: Cells, limits: EventLimits, now_ms: int) -> NDArray[np.int8]:
    """Give the place in `REASONS` of what is wrong with each row, shape (n,).

    The rules are those of `data.interaction.decode`; a test holds the two together.
    """
    c = cells
    bad_ratio = (c.watch_ratio < 0) | np.isinf(c.watch_ratio)
    bad_rating = (c.rating < 0.5) | (c.rating > 5)  # noqa: PLR2004 - stars
    lacks_ratio = (c.kind == WATCH) & np.isnan(c.watch_ratio)
    lacks_rating = (c.kind == RATING) & np.isnan(c.rating)
    invalid = (c.user.code < 0) | (c.video.code < 0) | (c.kind < 0) | (c.at == _NO_TIME)
    invalid |= bad_ratio | bad_rating | lacks_ratio | lacks_rating
    in_time = (limits.earliest_ms <= c.at) & (c.at <= now_ms + limits.ahead_ms)
    wrong = np.where(in_time, np.int8(0), np.int8(OUT_OF_BOUNDS))
    return np.where(invalid, np.int8(INVALID), wrong)


def _coded(column: pa.Array) -> Coded:
    """Encode text; what is none is -1, and so is what is missing."""
    if is_json(column.type):
        column = _texts_of_json(column)
    if is_text(column.type):
        column = column.dictionary_encode()
    if not (pa.types.is_dictionary(column.type) and is_text(column.type.value_type)):
        return Coded(np.full(len(column), -1, np.int8), pa.array([], pa.string()))
    places = column.indices
    return Coded(
        places.fill_null(-1).to_numpy() if places.null_count else places.to_numpy(),
        column.dictionary,
    )


def _texts_of_json(column: pa.Array) -> pa.Array:
    """Keep what is text and can be written in UTF-8; half of a surrogate pair can't."""
    coded = column.storage.dictionary_encode()
    found = [json.loads(text) for text in coded.dictionary.to_pylist()]
    texts = [cell if isinstance(cell, str) and _is_unicode(cell) else None for cell in found]
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array(texts, pa.string()))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ids(column: pa.Array) -> Coded:
    """Encode ids; too long or empty ones, and those that are not UTF-8, are -1."""
    code, texts = _coded(column)
    lengths = pc.binary_length(texts).fill_null(0).to_numpy()
    usable = (lengths > 0) & (lengths <= MAX_ID_BYTES) & _are_utf8(texts)
    return Coded(_picked(np.where(usable, np.arange(len(texts)), -1), code), texts)


def _are_utf8(texts: pa.Array) -> NDArray[np.bool_]:
    """Tell which texts are UTF-8; Arrow promises it and files don't always keep it."""
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return np.array([not isinstance(text, bytes) for text in python_values(texts)], np.bool_)
    return np.ones(len(texts), np.bool_)


def _kinds(column: pa.Array) -> NDArray[np.int8]:
    code, texts = _coded(column)
    known = [_KIND_CODES.get(text, -1) for text in python_values(texts)]
    return _picked(np.array(known, np.int8), code)


def _picked(values: NDArray[T], code: NDArray[np.integer]) -> NDArray[T]:
    """Look codes up; -1 stays -1."""
    with_none = np.append(values, np.array([-1], values.dtype))
    return np.take(with_none, code, mode="wrap")


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _times(column: pa.Array) -> NDArray[np.int64]:
    """Whole numbers, those beyond int64 cut to what is out of bounds all the same."""
    column = _decoded(column)
    if pa.types.is_integer(column.type):
        if pa.types.is_uint64(column.type):
            column = pc.min_element_wise(column, pa.scalar(_FAR, pa.uint64()), skip_nulls=False)
        whole = column.cast(pa.int64()).fill_null(0).to_numpy()
        missing = column.is_null().to_numpy(zero_copy_only=False)
        return np.where(missing, _NO_TIME, np.maximum(whole, -_FAR))
    if not is_json(column.type):
        return np.full(len(column), _NO_TIME)
    found = [
        min(max(cell, -_FAR), _FAR) if type(cell) is int else _NO_TIME  # a bool is no time
        for cell in python_values(column)
    ]
    return np.array(found, np.int64)


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    """Numbers as they are; NaN for a missing one, infinity for what is none."""
    column = _decoded(column)
    if is_json(column.type):
        return np.array([_number(cell) for cell in python_values(column)], np.float64)
    if is_number(column.type) or pa.types.is_null(column.type):
        numbers: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(
            zero_copy_only=False
        )
        return numbers
    return np.where(column.is_null().to_numpy(zero_copy_only=False), np.nan, np.inf)


def _number(cell: object) -> float:
    if cell is None:
        return np.nan
    try:
        # isinstance would let a bool through, and mypy does not narrow by type().
        is_one = type(cell) in (int, float)
        return float(cell) if is_one else np.inf  # type: ignore[arg-type]  # as said above
    except OverflowError:  # a whole number of hundreds of digits
        return np.inf
