"""Times of every type come out in ms UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sources.cells import column_of, python_values
from data.sources.times import UNITS, Unit, other_unit, to_ms

MOMENT = 1_714_564_800_123  # 2024-05-01T12:00:00.123Z
FACTORS = {"s": 1000, "ms": 1, "us": 1 / 1000, "ns": 1 / 1_000_000}


@pytest.mark.parametrize(
    ("values", "kind", "unit", "expected"),
    [
        ([1_714_564_800], pa.int32(), "s", [1_714_564_800_000]),
        ([1_714_564_800.1236, None], pa.float64(), "s", [MOMENT, None]),
        ([1.001, 1.0014], pa.float64(), "s", [1001, 1001]),
        ([MOMENT], pa.int64(), None, [MOMENT]),
        ([MOMENT], pa.float64(), "ms", [MOMENT]),
        ([MOMENT * 1000 + 999], pa.int64(), "us", [MOMENT]),
        ([MOMENT * 10**6 + 999_999], pa.uint64(), "ns", [MOMENT]),
        ([datetime.fromtimestamp(1.5, UTC)], pa.timestamp("ns"), None, [1500]),
        ([datetime.fromtimestamp(1.5, UTC)], pa.timestamp("us", "Asia/Tokyo"), "s", [1500]),
        ([date(1970, 1, 2)], pa.date32(), None, [86_400_000]),
        (["2024-05-01T12:00:00.123Z", None], pa.string(), None, [MOMENT, None]),
        (["2024-05-01T14:00:00.123+02:00"], pa.large_string(), "s", [MOMENT]),
        (["2024-05-01 12:00:00.123"], pa.string(), None, [MOMENT]),
        (["1970-01-02"], pa.string(), None, [86_400_000]),
        (["1712010100000", "soon", "1970-13-01"], pa.string(), None, None),
        ([1.5], pa.float64(), None, None),
        ([True], pa.bool_(), "s", None),
    ],
)
def test_times_are_read_by_their_type(
    values: list[Any], kind: pa.DataType, unit: Unit | None, expected: list[int] | None
) -> None:
    """Numbers count the unit, timestamps and ISO text mean what they say, others stay."""
    given_column = pa.array(values, kind)
    assert to_ms(given_column, unit).to_pylist() == (expected or values)
    assert to_ms(given_column.dictionary_encode(), unit).to_pylist() == (expected or values)


def test_cells_of_several_types_are_read_one_by_one() -> None:
    """In a column of anything, what can be read as a time is, and the rest stays."""
    values = [1, 1.001, "1970-01-01T00:00:02Z", "soon", True, None, float("inf"), [1]]
    read = python_values(to_ms(column_of("at", values), "s"))
    assert read == [1000, 1001, 2000, "soon", True, None, float("inf"), [1]]
    assert [type(cell) for cell in read][:2] == [int, int]
    assert python_values(to_ms(column_of("at", values), None))[:3] == [1, 1.001, 2000]


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(UNITS))
def test_enormous_times_stay_out_of_bounds(value: int, unit: Unit) -> None:
    """A time that can't be held in ms is far off, on the right side of zero."""
    (read,) = to_ms(pa.array([value], pa.int64()), unit).to_pylist()
    exact = value * 1000 if unit == "s" else value // round(1 / FACTORS[unit])
    assert read == exact or (abs(read) > 1 << 61 and (read > 0) == (exact > 0))


@pytest.mark.parametrize("taken_for", UNITS)
@pytest.mark.parametrize("meant", UNITS)
def test_another_unit_is_recognised(taken_for: Unit, meant: Unit) -> None:
    """Times in one unit that were taken for another are found out; others are not."""
    if taken_for == meant:
        return
    wrong = round(MOMENT / FACTORS[meant] * FACTORS[taken_for])
    found = other_unit(np.array([wrong, 0, 1 << 62]), taken_for, MOMENT // 2, MOMENT * 2)
    assert [UNITS[place] if place >= 0 else None for place in found] == [meant, None, None]
