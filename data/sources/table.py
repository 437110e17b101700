"""Table: a bounded piece of an interactions file, as it stands there and before it is judged."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

TEXT = ("user", "video", "kind")
REQUIRED = (*TEXT, "at")
OPTIONAL = ("watch_ratio", "rating")
COLUMNS = (*REQUIRED, *OPTIONAL)
BATCH_ROWS = 131_072  # some 30 MB as Python objects

T = TypeVar("T")


class SourceError(ValueError):
    """Data that can't be had at all; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Table:
    """Some rows of one file, with the values that stand there.

    Attributes
    ----------
    path
        The file.
    frame
        The columns `COLUMNS`. ``user``, ``video`` and ``kind`` have dtype object and hold what
        the file holds: a number where a string belongs is still a number. ``at`` is int64 if all
        values are integers, else whatever they are. ``watch_ratio`` and ``rating`` are float64
        if all values are numbers (NaN is missing), else object.
    rows
        Shape (len(frame),): where each row stands in the file, counted from 1; for CSV and JSONL
        this is the line, and a header is line 1.
    unreadable
        Rows that could not even be taken apart: where, and why.
    """

    path: Path
    frame: pd.DataFrame
    rows: NDArray[np.int64]
    unreadable: list[tuple[int, str]]


def check_columns(path: Path, present: Iterable[str]) -> None:
    """Refuse a file that lacks a column without which no row can be used.

    Raises
    ------
    SourceError
        Saying which columns are missing, and which are there.
    """
    there = list(present)
    if missing := [name for name in REQUIRED if name not in there]:
        msg = (
            f"{path}: has no column {' and no column '.join(missing)}; it has "
            f"{', '.join(there) or 'none at all'}. Rename or add what is missing: "
            f"{', '.join(REQUIRED)} are needed, {' and '.join(OPTIONAL)} are taken if there"
        )
        raise SourceError(msg)


def tables_of(
    path: Path, parsed: Iterator[tuple[int, T | str]], frame_of: Callable[[list[T]], pd.DataFrame]
) -> Iterator[Table]:
    """Gather rows into tables of at most `BATCH_ROWS` rows, readable and unreadable together.

    Parameters
    ----------
    path
        The file.
    parsed
        For each row its number, and its values or the reason why there are none.
    frame_of
        Makes a frame with the columns `COLUMNS` out of the values of some rows.
    """
    while True:
        rows: list[int] = []
        good: list[T] = []
        bad: list[tuple[int, str]] = []
        for row, values in islice(parsed, BATCH_ROWS):
            if isinstance(values, str):
                bad.append((row, values))
            else:
                rows.append(row)
                good.append(values)
        if not rows and not bad:
            return
        yield Table(path, frame_of(good), np.array(rows, np.int64), bad)


def column(name: str, values: list[object]) -> pd.Series:
    """Make a column of the frame out of Python objects."""
    with suppress(pa.ArrowException, OverflowError):  # not of one type, or not in 64 bits
        array = pa.array(values)
        if _is_number(name, array):
            return arrow_column(name, array)
    return pd.Series(values, dtype=object)


def arrow_column(name: str, values: pa.Array) -> pd.Series:
    """Make a column of the frame out of an Arrow array, changing no value that is wrong."""
    if _is_number(name, values):
        right = pa.int64() if name == "at" else pa.float64()
        with suppress(pa.ArrowInvalid):  # an integer that the type can't hold stays as it is
            return pd.Series(values.cast(right).to_numpy(zero_copy_only=False))
    return pd.Series(_objects(values), dtype=object)


def _is_number(name: str, values: pa.Array) -> bool:
    """Tell whether a numeric column holds what it should, throughout."""
    if name == "at":
        return bool(pa.types.is_integer(values.type) and not values.null_count)
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    return name in OPTIONAL and any(of_kind(values.type) for of_kind in kinds)


def _objects(values: pa.Array) -> NDArray[np.object_]:
    """Turn an Arrow array into Python objects, one for all rows where strings are equal."""
    if _is_text(values.type):
        values = values.dictionary_encode()
    if not pa.types.is_dictionary(values.type):
        return _array_of(values.to_pylist())
    distinct = _array_of([*_decoded(values.dictionary), None])
    codes: NDArray[np.int64] = values.indices.fill_null(len(distinct) - 1).to_numpy()
    return distinct[codes]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _decoded(values: pa.Array) -> list[object]:
    """Turn an Arrow array into Python objects; text that is not UTF-8 stays bytes."""
    try:
        return list(values.to_pylist())
    except UnicodeDecodeError:
        return [_text_or_bytes(value) for value in values.cast(pa.binary()).to_pylist()]


def _text_or_bytes(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _array_of(values: list[object]) -> NDArray[np.object_]:
    """Put objects into an array, without numpy looking into those that are lists themselves."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
