"""Loading keeps what a live event may be, and counts the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from batch_training.reading.load import LoadSettings, load, load_in_memory
from batch_training.reading.load_report import BadDataError
from data.sources.files import read_interactions
from data.sources.table import Table
from tests.builders import NOW_MS, event
from tests.unit.nights import ANY_TIME, events_of, plain, renamed, table, world


def test_bad_rows_are_counted_and_the_first_are_shown() -> None:
    """Every reason has its count and its first five rows, with file, row and what is wrong."""
    bad = [event(at=1), *[event(user=7)] * 7, event(watch_ratio=float("inf"))]
    path = Path("views.csv")
    given_table = table([event(), *bad], [(12, "has 3 cells, the header 4")], path)
    _, report = load_in_memory(given_table, LoadSettings(max_bad_share=1.0), NOW_MS)
    assert (report.rows, report.kept) == (11, 1)
    assert report.dropped == {"invalid": 8, "time_out_of_bounds": 1, "unreadable": 1}
    assert [row.row for row in report.examples["invalid"]] == [3, 4, 5, 6, 7]
    text = str(report)
    assert "views.csv, row 3: Expected `str`, got `int` - at `$.user`" in text
    assert "views.csv, row 2: at = 1 is not between" in text
    assert "views.csv, row 12: has 3 cells, the header 4" in text


def test_examples_of_all_tables_together_are_five(tmp_path: Path) -> None:
    """The first five bad rows are those of the first file that has them."""
    tables = [table([event(), event(kind="stare")], path=Path(f"{n}.csv")) for n in range(8)]
    _, report = load(tables, ANY_TIME, NOW_MS, tmp_path)
    assert report.dropped == {"invalid": 8}
    assert [row.path.name for row in report.examples["invalid"]] == [f"{n}.csv" for n in range(5)]


@pytest.mark.parametrize(("bad", "is_too_much"), [(5, False), (6, True)])
def test_too_many_bad_rows_stop_the_night(bad: int, *, is_too_much: bool) -> None:
    """One row in twenty may be bad; beyond that an error says how many and which came first."""
    rows = [event()] * (100 - bad) + [event(video="")] * bad
    if not is_too_much:
        report = load_in_memory(table(rows), LoadSettings(), NOW_MS)[1]
        assert report.bad_share == pytest.approx(0.05)
        return
    with pytest.raises(BadDataError, match=r"6\.0% of the rows.*max_bad_share") as error:
        load_in_memory(table(rows), LoadSettings(), NOW_MS)
    assert "row 95: Expected `str` of length >= 1" in str(error.value)


@pytest.mark.parametrize("tables", [[], [table([])], [table([event(kind="stare")])]])
def test_nothing_to_learn_from_stops_the_night(tables: list[Table], tmp_path: Path) -> None:
    """Without a single valid row there is an error, whatever share of bad rows is allowed."""
    with pytest.raises(BadDataError, match="no interaction to learn from"):
        load(tables, ANY_TIME, NOW_MS, tmp_path)


def test_a_file_is_loaded_through_its_reader(tmp_path: Path) -> None:
    """Rows of a CSV file come out as events, and a broken line is counted with its number."""
    path = tmp_path / "views.csv"
    path.write_text(f"user,video,kind,at,watch_ratio\nu,v,watch,{NOW_MS},0.5\nu,v,watch\n")
    spool, report = load(read_interactions(path), ANY_TIME, NOW_MS, tmp_path)
    assert plain(spool.events()) == [event(watch_ratio=0.5)]
    assert [row[:2] for row in report.examples["unreadable"]] == [(path, 3)]


def test_events_of_one_moment_come_in_a_seeded_random_order() -> None:
    """Time comes first; within a moment neither the file's order nor the ids decide."""
    rows = [event(f"{n:03}", at=NOW_MS - n // 50) for n in range(100)]
    first, again, other = (plain(events_of(rows, seed)) for seed in (0, 0, 1))
    assert first == again
    assert [row["at"] for row in first] == sorted(row["at"] for row in rows)
    assert [row["video"] for row in first] != [row["video"] for row in other]
    later = [row["video"] for row in first[50:]]
    assert later not in (sorted(later), sorted(later, reverse=True))


def test_codes_follow_the_good_rows(tmp_path: Path) -> None:
    """Ids are numbered as they appear over all tables; those of bad rows alone have no number."""
    tables = [
        table([event("b", user="x", at=1), event("b", user="y"), event("a", user="z")]),
        table([event("c", user="z"), event("b", user="é")]),
    ]
    settings = LoadSettings(max_bad_share=0.5)
    spool, report = load(tables, settings, NOW_MS, tmp_path)
    assert (spool.users, spool.videos) == (["y", "z", "é"], ["b", "a", "c"])
    assert [row["user"] for row in plain(spool.events())] == ["y", "z", "z", "é"]
    assert (report.users, report.videos) == (3, 3)


def test_codes_do_not_follow_the_order_of_a_dictionary() -> None:
    """What a file encoded in another order is numbered as it appears in the rows all the same."""
    users = pa.DictionaryArray.from_arrays(pa.array([2, 0, 2]), pa.array(["a", "b", "c"]))
    columns = table([event()] * 3).columns.set_column(0, "user", users)
    given_table = Table(Path("some.parquet"), columns, np.arange(3), [])
    events, _ = load_in_memory(given_table, LoadSettings(), NOW_MS)
    assert events.users == ["c", "a"]


def test_codes_do_not_depend_on_how_ids_are_spelt() -> None:
    """Users and videos are numbered as they appear, so renaming them changes no number."""
    rows = world(users=9)
    events, other = events_of(rows), events_of(renamed(rows))
    for name in ("user", "video", "kind", "at"):
        assert np.array_equal(getattr(events, name), getattr(other, name))
    assert (events.users[0], events.videos[0]) == (rows[0]["user"], rows[0]["video"])
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
