"""A row is taken exactly if it would be taken as a live event, whatever the types of its cells."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_training.reading.load import LoadSettings, load_in_memory
from batch_training.reading.load_report import BadDataError, LoadReport
from data.interaction import BadEventError, EventLimits, Interaction, decode
from data.sources.table import COLUMNS, Table
from tests.builders import KINDS, NOW_MS, event
from tests.unit.nights import plain, table

ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**40, -(10**400), 2**63, 1e308, -1.0, 0.5, "", "1"]),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.text(max_size=1), st.none(), max_size=1),
)
IDS = st.sampled_from(["a", "b", "😀", "x" * 256, "é" * 128, "é" * 129, "\x00"])
ROWS = st.fixed_dictionaries(
    {
        "user": IDS | ODD,
        "video": IDS | ODD,
        "kind": st.sampled_from(KINDS) | ODD,
        "at": st.integers(NOW_MS - 3, NOW_MS + 3) | ODD,
        "watch_ratio": st.sampled_from([None, 0.0, 1.0, 3]) | ODD,
        "rating": st.sampled_from([None, 0.5, 5.0, 4]) | ODD,
    }
)
MOSTLY_RIGHT = st.fixed_dictionaries(
    {
        "user": IDS,
        "video": IDS,
        "kind": st.sampled_from(KINDS),
        "at": st.integers(NOW_MS - 3, NOW_MS + 3),
        "watch_ratio": st.none() | st.floats(),
        "rating": st.none() | st.floats(0, 6),
    }
)
LIMITS = EventLimits(earliest_ms=NOW_MS - 2, ahead_ms=2)


def as_live(row: dict[str, Any]) -> Interaction | str:
    """Send a row the way of a live event; the reason where that is refused."""
    cells = {name: cell for name, cell in row.items() if cell is not None and cell == cell}  # noqa: PLR0124 - NaN
    try:
        return decode(json.dumps(cells).encode(), LIMITS, NOW_MS)
    except BadEventError as error:
        # A table has infinities and no limit in bytes, JSON the other way round.
        return "invalid" if error.reason in ("not_json", "too_large") else error.reason


def in_some_order(interactions: list[Interaction]) -> list[str]:
    return sorted(map(repr, interactions))


@given(st.lists(ROWS | MOSTLY_RIGHT, min_size=1, max_size=6))
@example([event(at=True), event()])
@example([event(at=-(2**63)), event()])
@example([event(at=10**40), event(at=-(10**400)), event(watch_ratio=10**400)])
@example([event() | {"user": ["u"]}, event() | {"kind": {}}, event() | {"rating": "4"}])
def test_rows_are_judged_as_live_events_are(rows: list[dict[str, Any]]) -> None:
    """A row is kept exactly if its JSON would be taken as a live event, and says the same."""
    judged = [as_live(row) for row in rows]
    expected = [taken for taken in judged if isinstance(taken, Interaction)]
    loaded, report = loaded_of(table(rows))
    assert in_some_order(loaded) == in_some_order(expected)
    assert report.kept == len(expected)
    assert report.rows == len(rows)
    assert report.dropped == Counter(reason for reason in judged if isinstance(reason, str))


def loaded_of(given_table: Table) -> tuple[list[Interaction], LoadReport]:
    """Load a table however bad it is."""
    settings = LoadSettings(limits=LIMITS, max_bad_share=1.0)
    try:
        events, report = load_in_memory(given_table, settings, NOW_MS)
    except BadDataError as error:
        return [], error.report
    return [events.interaction(index) for index in range(len(events))], report


ARROW: dict[str, st.SearchStrategy[pa.DataType]] = {
    "user": st.sampled_from([pa.string(), pa.large_string(), pa.int64()]),
    "kind": st.sampled_from([pa.string(), pa.large_string(), pa.bool_()]),
    "at": st.sampled_from([pa.int64(), pa.uint64(), pa.int32(), pa.float64(), pa.string()]),
    "rating": st.sampled_from(
        [pa.float64(), pa.float32(), pa.int8(), pa.decimal128(5, 2), pa.bool_(), pa.null()]
    ),
}
OF_TYPE: dict[pa.DataType, st.SearchStrategy[Any]] = {
    **dict.fromkeys([pa.string(), pa.large_string()], IDS | st.just("")),
    pa.int64(): st.integers(NOW_MS - 3, NOW_MS + 3) | st.sampled_from([-(2**63), 2**63 - 1, 1]),
    pa.uint64(): st.integers(NOW_MS - 3, NOW_MS + 3) | st.sampled_from([2**64 - 1, 2**63]),
    pa.int32(): st.integers(0, 5),
    pa.int8(): st.integers(-1, 6),
    pa.float64(): st.floats(-1, 6) | st.sampled_from([float("inf"), -0.0, float(NOW_MS)]),
    pa.float32(): st.floats(-1, 6, width=32),
    pa.decimal128(5, 2): st.decimals(-1, 6, places=2),
    pa.bool_(): st.booleans(),
    pa.null(): st.none(),
}


@st.composite
def arrow_rows(draw: st.DrawFn) -> pa.RecordBatch:
    """Draw columns each of one type, some of them encoded as a dictionary."""
    count = draw(st.integers(1, 5))
    columns = {}
    for name in COLUMNS:
        strategies = ARROW[{"video": "user", "watch_ratio": "rating"}.get(name, name)]
        kind = draw(strategies)
        fitting = st.sampled_from(KINDS) if name == "kind" and kind != pa.bool_() else OF_TYPE[kind]
        cells = draw(st.lists(st.none() | fitting, min_size=count, max_size=count))
        column = pa.array(cells, kind)
        is_plain = pa.types.is_null(kind) or draw(st.booleans())
        columns[name] = column if is_plain else column.dictionary_encode()
    return pa.RecordBatch.from_pydict(columns)


@given(arrow_rows())
def test_typed_columns_are_judged_as_live_events_are(columns: pa.RecordBatch) -> None:
    """The same holds for columns of one type, as Parquet has them, encoded or not."""
    rows = [
        {name: float(cell) if isinstance(cell, Decimal) else cell for name, cell in row.items()}
        for row in columns.to_pylist()
    ]
    judged = [as_live(row) for row in rows]
    given_table = Table(Path("some.parquet"), columns, np.arange(len(columns)), [])
    loaded, report = loaded_of(given_table)
    expected = [taken for taken in judged if isinstance(taken, Interaction)]
    assert in_some_order(loaded) == in_some_order(expected)
    assert report.dropped == Counter(reason for reason in judged if isinstance(reason, str))


@pytest.mark.parametrize(
    "row",
    [
        event(kind="rating", rating=0.5),
        event(kind="rating", rating=5.0),
        event(kind="rating", rating=3),
        event(watch_ratio=0.0),
        event(watch_ratio=1e308),
        event(at=LIMITS.earliest_ms),
        event(at=NOW_MS + LIMITS.ahead_ms),
        event("é" * 128),
        event(user="é" * 128),
        event("like", "like", rating=2.5, watch_ratio=0.5),
    ],
)
def test_bounds_are_within(row: dict[str, Any]) -> None:
    """What lies just at a bound is taken."""
    events, _ = load_in_memory(table([row]), LoadSettings(limits=LIMITS), NOW_MS)
    assert plain(events) == [row]


def test_numbers_of_any_width_are_taken() -> None:
    """What a frame holds as unsigned or narrow integers is read as the number it is."""
    row = {"user": ["u"], "video": ["v"], "kind": ["watch"]}
    frame = pd.DataFrame(
        row | {"at": np.array([NOW_MS], np.uint64), "watch_ratio": np.ones(1, np.int8)}
    )
    events, _ = load_in_memory(Table.of_frame("x", frame), LoadSettings(), NOW_MS)
    assert plain(events) == [event()]


def test_a_frame_is_taken_as_it_stands() -> None:
    """Objects of any type, categories, missing cells and whole numbers as ids are understood."""
    frame = pd.DataFrame(
        {
            "user": [7, 8, 9, 10],
            "video": pd.Series(["v", None, b"v", "w"], dtype=object),
            "kind": pd.Series(["like"] * 4, dtype="category"),
            "at": pd.Series([NOW_MS, NOW_MS, NOW_MS, 1.5], dtype=object),
            "rating": [np.nan, 3, 4, 5],
        }
    )
    loaded, report = loaded_of(Table.of_frame("x", frame))
    assert loaded == [Interaction(user="7", video="v", kind="like", at=NOW_MS)]
    assert [row.row for row in report.examples["invalid"]] == [2, 3, 4]
    pieces = pd.concat([pd.DataFrame([event(f"v{n}")]).convert_dtypes() for n in range(2)])
    assert {taken.video for taken in loaded_of(Table.of_frame("x", pieces))[0]} == {"v0", "v1"}
