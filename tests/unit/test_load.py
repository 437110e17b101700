"""Loading keeps what a live event may be, and counts the rest."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_training.load import LoadSettings, load
from batch_training.load_report import BadDataError
from data.interaction import BadEventError, EventLimits, Interaction, decode
from data.sources.files import read_interactions
from data.sources.table import COLUMNS, Table
from tests.builders import KINDS, NOW_MS, event
from tests.unit.nights import ANY_TIME, events_of, plain, renamed, table, world

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
@example([event(at=10**40), event(at=-(10**400)), event(watch_ratio=10**400)])
@example([event() | {"user": ["u"]}, event() | {"kind": {}}, event() | {"rating": "4"}])
def test_rows_are_judged_as_live_events_are(rows: list[dict[str, Any]]) -> None:
    """A row is kept exactly if its JSON would be taken as a live event, and says the same."""
    judged = [as_live(row) for row in rows]
    expected = [taken for taken in judged if isinstance(taken, Interaction)]
    settings = LoadSettings(limits=LIMITS, max_bad_share=1.0)
    try:
        events, report = load([table(rows)], settings, NOW_MS)
    except BadDataError as error:
        assert not expected
        report = error.report
    else:
        loaded = [events.interaction(index) for index in range(len(events))]
        assert in_some_order(loaded) == in_some_order(expected)
    assert report.kept == len(expected)
    assert report.rows == len(rows)
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
    events, _ = load([table([row])], LoadSettings(limits=LIMITS), NOW_MS)
    assert plain(events) == [row]


def test_bad_rows_are_counted_and_the_first_are_shown() -> None:
    """Every reason has its count and its first five rows, with file, row and what is wrong."""
    bad = [event(at=1), *[event(user=7)] * 7, event(watch_ratio=float("inf"))]
    path = Path("views.csv")
    given_table = table([event(), *bad], [(12, "has 3 cells, the header 4")], path)
    _, report = load([given_table], LoadSettings(max_bad_share=1.0), NOW_MS)
    assert (report.rows, report.kept) == (11, 1)
    assert report.dropped == {"invalid": 8, "time_out_of_bounds": 1, "unreadable": 1}
    assert [row.row for row in report.examples["invalid"]] == [3, 4, 5, 6, 7]
    text = str(report)
    assert "views.csv, row 3: Expected `str`, got `int` - at `$.user`" in text
    assert "views.csv, row 2: at = 1 is not between" in text
    assert "views.csv, row 12: has 3 cells, the header 4" in text


def test_examples_of_all_tables_together_are_five() -> None:
    """The first five bad rows are those of the first file that has them."""
    tables = [table([event(), event(kind="stare")], path=Path(f"{n}.csv")) for n in range(8)]
    _, report = load(tables, ANY_TIME, NOW_MS)
    assert report.dropped == {"invalid": 8}
    assert [row.path.name for row in report.examples["invalid"]] == [f"{n}.csv" for n in range(5)]


@pytest.mark.parametrize(("bad", "is_too_much"), [(5, False), (6, True)])
def test_too_many_bad_rows_stop_the_night(bad: int, *, is_too_much: bool) -> None:
    """One row in twenty may be bad; beyond that an error says how many and which came first."""
    rows = [event()] * (100 - bad) + [event(video="")] * bad
    if not is_too_much:
        assert load([table(rows)], LoadSettings(), NOW_MS)[1].bad_share == pytest.approx(0.05)
        return
    with pytest.raises(BadDataError, match=r"6\.0% of the rows.*max_bad_share") as error:
        load([table(rows)], LoadSettings(), NOW_MS)
    assert "row 95: Expected `str` of length >= 1" in str(error.value)


@pytest.mark.parametrize("tables", [[], [table([])], [table([event(kind="stare")])]])
def test_nothing_to_learn_from_stops_the_night(tables: list[Table]) -> None:
    """Without a single valid row there is an error, whatever share of bad rows is allowed."""
    with pytest.raises(BadDataError, match="no interaction to learn from"):
        load(tables, ANY_TIME, NOW_MS)


def test_a_file_is_loaded_through_its_reader(tmp_path: Path) -> None:
    """Rows of a CSV file come out as events, and a broken line is counted with its number."""
    path = tmp_path / "views.csv"
    path.write_text(f"user,video,kind,at,watch_ratio\nu,v,watch,{NOW_MS},0.5\nu,v,watch\n")
    events, report = load(read_interactions(path), ANY_TIME, NOW_MS)
    assert plain(events) == [event(watch_ratio=0.5)]
    assert [row[:2] for row in report.examples["unreadable"]] == [(path, 3)]


def test_numbers_of_any_width_are_taken() -> None:
    """What a frame holds as unsigned or narrow integers is read as the number it is."""
    row = {"user": ["u"], "video": ["v"], "kind": ["watch"]}
    frame = pd.DataFrame(
        row | {"at": np.array([NOW_MS], np.uint64), "watch_ratio": np.ones(1, np.int8)}
    )
    frame = frame.reindex(columns=list(COLUMNS))
    events, _ = load([Table(Path("x"), frame, np.arange(1), [])], LoadSettings(), NOW_MS)
    assert plain(events) == [event()]


def test_events_of_one_moment_come_in_a_seeded_random_order() -> None:
    """Time comes first; within a moment neither the file's order nor the ids decide."""
    rows = [event(f"{n:03}", at=NOW_MS - n // 50) for n in range(100)]
    first, again, other = (plain(events_of(rows, seed)) for seed in (0, 0, 1))
    assert first == again
    assert [row["at"] for row in first] == sorted(row["at"] for row in rows)
    assert [row["video"] for row in first] != [row["video"] for row in other]
    later = [row["video"] for row in first[50:]]
    assert later not in (sorted(later), sorted(later, reverse=True))


def test_codes_do_not_depend_on_how_ids_are_spelt() -> None:
    """Users and videos are numbered as they appear, so renaming them changes no number."""
    rows = world(users=9)
    events, other = events_of(rows), events_of(renamed(rows))
    for name in ("user", "video", "kind", "at"):
        assert np.array_equal(getattr(events, name), getattr(other, name))
    assert events.video[0] == events.user[0] == 0
    assert len(set(events.videos)) == len(events.videos) == events.video.max() + 1


def test_a_split_cuts_by_time() -> None:
    """The older share comes first, and both parts keep the codes."""
    events = events_of(world(users=5))
    before, later = events.split(0.9)
    assert len(before) == round(0.9 * len(events))
    assert before.at.max() <= later.at.min()
    assert plain(before) + plain(later) == plain(events)
    assert before.videos is later.videos is events.videos


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(share: float) -> None:
    """A share that is none is refused when the settings are made."""
    with pytest.raises(ValueError, match="max_bad_share"):
        LoadSettings(max_bad_share=share)
