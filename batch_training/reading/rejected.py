"""Rejected: rows that can't be used, with what is wrong in words for the person who mends it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batch_training.reading.validate import OUT_OF_BOUNDS, REASONS
from data.interaction import BadEventError, decode
from data.sources.times import UNITS, other_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from data.interaction import EventLimits
    from data.sources.table import Table

UNREADABLE: Final = "unreadable"
_ENCODE: Final = json.JSONEncoder(default=repr).encode
_PIECE: Final = 1 << 16  # rows that are Python objects at a time


class Rejected(NamedTuple):
    """Bad rows of one table, for one reason; the lists belong together.

    Attributes
    ----------
    table
        Where they come from.
    reason
        ``invalid`` or ``time_out_of_bounds``, as for a live event, or ``unreadable``.
    rows
        Where they stand in the file.
    details
        What is wrong with each.
    values
        What stands there, as a JSON object; None for a row that could not be taken apart.
    units
        For a time out of bounds, the place in `UNITS` of one in which it would be within; else -1.
    """

    table: Table
    reason: str
    rows: Sequence[int]
    details: Sequence[str]
    values: Sequence[str | None]
    units: Sequence[int]


def rejected_rows(
    table: Table,
    at: NDArray[np.int64],
    wrong: NDArray[np.int8],
    limits: EventLimits,
    now_ms: int,
) -> Iterator[Rejected]:
    """Give the bad rows of a table, a bounded number at a time.

    Parameters
    ----------
    at
        Shape (n,): the times, as `batch_training.reading.validate.cells_of` gives them.
    wrong
        Shape (n,): as `batch_training.reading.validate.verdict` gives it.
    limits, now_ms
        What it was judged by.
    """
    for code, reason in enumerate(REASONS[1:], start=1):
        found = np.flatnonzero(wrong == code)
        for start in range(0, len(found), _PIECE):
            which = found[start : start + _PIECE]
            values = _as_json(table.values(which))
            details = [_explain(text, limits, now_ms) for text in values]
            units = [-1] * len(which)
            if code == OUT_OF_BOUNDS:
                bounds = (limits.earliest_ms, now_ms + limits.ahead_ms)
                units = other_unit(at[which], table.at_unit, *bounds).tolist()
                details = list(map(_with_unit, details, units))
            yield Rejected(table, reason, table.rows[which].tolist(), details, values, units)
    if table.unreadable:
        rows, whys = zip(*table.unreadable, strict=True)
        yield Rejected(table, UNREADABLE, rows, whys, [None] * len(rows), [-1] * len(rows))


def _as_json(columns: dict[str, list[object]]) -> list[str]:
    """Write rows as JSON objects, missing cells left out."""
    rows = (zip(columns, row, strict=True) for row in zip(*columns.values(), strict=True))
    there = (
        {name: _finite(cell) for name, cell in row if cell is not None and cell == cell}  # noqa: PLR0124 - NaN is missing
        for row in rows
    )
    return [_ENCODE(row) for row in there]


def _finite(cell: object) -> object:
    """Write a number as text where JSON has none like it."""
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def _explain(text: str, limits: EventLimits, now_ms: int) -> str:
    """Say what is wrong with a row, in the words in which a live event is refused."""
    try:
        decode(text.encode(), limits, now_ms)
    except BadEventError as error:
        return error.detail
    return "a value of a type that has no place there"


def _with_unit(detail: str, unit: int) -> str:
    """Add that a time would do if it counted something else."""
    if unit < 0:
        return detail
    return f"{detail}. Taken for {UNITS[unit]} it would be within: are units mixed in this file?"
