"""Times: whatever a file says when something happened, in ms UTC."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import pyarrow as pa

from data.sources.cells import column_of, is_json, is_number, is_text, python_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

Unit = Literal["s", "ms", "us", "ns"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)

# ms in one of each, as a fraction: whole numbers stay exact
_FACTORS: Final[dict[Unit, tuple[int, int]]] = {
    "s": (1000, 1),
    "ms": (1, 1),
    "us": (1, 1000),
    "ns": (1, 1_000_000),
}
_MOST: Final = (1 << 63) - 1
_FAR: Final = 1 << 62  # ms; out of any bounds


def to_ms(values: pa.Array, unit: Unit | None) -> pa.Array:
    """Turn a column of times into whole ms UTC where it can be read as such.

    Arrow's timestamps and dates, and ISO 8601 text with a date (``2024-05-01T12:00:00Z``; UTC
    where no offset is given), are understood by their type. Numbers are taken as they are when
    no unit is given. Parts of a ms are cut off.

    Parameters
    ----------
    values
        Of any type.
    unit
        What numbers count; with it, numbers with a fraction are taken too. None for whole ms.

    Returns
    -------
    int64 if all could be read as times. What could not stays as it is; a time that int64 can't
    hold becomes one that is out of any bounds.
    """
    kind = values.type
    if pa.types.is_temporal(kind) and not (pa.types.is_time(kind) or pa.types.is_duration(kind)):
        zone = getattr(kind, "tz", None)
        return values.cast(pa.timestamp("ms", zone), safe=False).cast(pa.int64())
    if unit is not None and is_number(kind):
        return _scaled(values, unit)
    if pa.types.is_dictionary(kind):
        return to_ms(values.dictionary_decode(), unit)
    if is_text(kind) or is_json(kind):
        return column_of("at", [_cell_to_ms(cell, unit) for cell in python_values(values)])
    return values


def _scaled(values: pa.Array, unit: Unit) -> pa.Array:
    """Multiply numbers; missing ones stay missing."""
    times, over = _FACTORS[unit]
    missing = values.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_integer(values.type):
        with suppress(pa.ArrowInvalid):  # beyond int64: the floats below say it is far
            whole = values.cast(pa.int64()).fill_null(0).to_numpy()
            kept = np.clip(whole, -(_MOST // times), _MOST // times)
            return pa.array(kept * times // over, mask=missing)
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing |= np.isnan(numbers)
    # Rounded to a thousandth first: 1.001 s times 1000 falls short of 1001 ms.
    ms = np.floor(np.round(np.clip(np.nan_to_num(numbers), -_FAR, _FAR) * times / over, 3))
    return pa.array(np.clip(ms, -_FAR, _FAR).astype(np.int64), mask=missing)


def _cell_to_ms(cell: object, unit: Unit | None) -> object:
    """Turn one cell into ms, or leave it as it is."""
    if isinstance(cell, str):
        moment = _moment(cell)
        return cell if moment is None else moment
    if unit is None or type(cell) not in (int, float):  # a bool is no time
        return cell
    times, over = _FACTORS[unit]
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return cell
        return math.floor(round(cell * times / over, 3))
    return cell * times // over  # type: ignore[operator]  # an int, as said above


def _moment(text: str) -> int | None:
    """Read ISO 8601; None for what is none, such as a number."""
    if text[4:5] != "-":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def other_unit(
    at: NDArray[np.int64], taken_for: Unit, earliest_ms: int, latest_ms: int
) -> NDArray[np.int8]:
    """Say in which other unit times that are out of bounds would be within them.

    Parameters
    ----------
    at
        Shape (n,): in ms UTC, if the numbers in the file count in ``taken_for``.
    earliest_ms, latest_ms
        The bounds, both within.

    Returns
    -------
    Shape (n,): place in `UNITS`; -1 where there is none.
    """
    times, over = _FACTORS[taken_for]
    raw = at * (over / times)
    found = np.full(len(at), -1, np.int8)
    for place, unit in enumerate(UNITS):
        if unit != taken_for:
            times, over = _FACTORS[unit]
            ms = raw * (times / over)
            found[(earliest_ms <= ms) & (ms <= latest_ms)] = place
    return found
