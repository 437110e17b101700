"""Reading CSV and JSONL files of interactions: nothing judged, nothing lost in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.sources.files import read_interactions
from data.sources.table import COLUMNS, SourceError
from tests.unit.tables import cells, read_one

if TYPE_CHECKING:
    from pathlib import Path

    from data.sources.table import Table

HEADER = "user,video,kind,at\n"


def read_text(path: Path, text: str | bytes) -> Table:
    """Write a text file and read it as one table."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_one(path)


def test_broken_csv_rows_are_listed(tmp_path: Path) -> None:
    """Rows with too few or too many cells are listed with line and reason; others are kept."""
    table = read_text(
        tmp_path / "events.csv",
        b"\xef\xbb\xbfuser,video,kind,at\r\na,1,like,1\r\n\r\nb,2\r\nc,3,like,1,2,3\r\n"
        b"d,\xff,like,1\r\ne,5,like,6\r\n",
    )

    assert cells(table, "user") == ["a", "e"]
    assert table.rows.tolist() == [2, 7]
    assert table.unreadable[:2] == [
        (4, "has 2 cells, the header 4"),
        (5, "has 6 cells, the header 4"),
    ]
    assert table.unreadable[2][0] == 6
    assert "can't decode byte 0xff" in table.unreadable[2][1]


def test_an_open_quote_hides_no_rows(tmp_path: Path) -> None:
    """Every line that an unclosed quote swallows is listed, and reading goes on behind it."""
    table = read_text(
        tmp_path / "events.csv",
        HEADER
        + 'a,1,like,1\nb,"2,like,1\nc,3,like,1\nd,"4",like,1\ne,5,like,1\nf,"6,like,1\ng,7\n',
    )

    assert cells(table, "user") == ["a", "e"]
    assert table.rows.tolist() == [2, 6]
    assert [line for line, _ in table.unreadable] == [3, 4, 5, 7, 8]


def test_a_cell_without_end_hides_no_rows(tmp_path: Path) -> None:
    """A quote left open in a long file costs a bounded stretch of it, every line listed."""
    lines = 40_000
    table = read_text(tmp_path / "events.csv", HEADER + 'b,"2,like,1\n' + "c,3,like,1\n" * lines)

    assert 0 < len(table.unreadable) < len(table)
    assert table.unreadable[0][1].endswith("is a quote left open?")
    everywhere = [*(line for line, _ in table.unreadable), *table.rows.tolist()]
    assert everywhere == list(range(2, lines + 3))


def test_csv_cells_with_line_breaks(tmp_path: Path) -> None:
    """A properly quoted cell may hold commas and line breaks; a row counts as its first line."""
    table = read_text(tmp_path / "events.csv", HEADER + 'a,"x,\ny",like,1\nb,z,like,2\n')

    assert cells(table, "video") == ["x,\ny", "z"]
    assert table.rows.tolist() == [2, 4]


def test_csv_ids_that_look_like_numbers_are_text(tmp_path: Path) -> None:
    """Text has no types: 007 is an id, what should be a number and is none stays text."""
    table = read_text(
        tmp_path / "events.csv",
        "user,video,kind,at,watch_ratio,rating\n007,1,watch,1,0.5,\n,NA,watch,soon,lots,inf\n",
    )

    assert cells(table, "user") == ["007", ""]
    assert cells(table, "video") == ["1", "NA"]
    assert cells(table, "at") == [1, "soon"]
    assert cells(table, "watch_ratio") == [0.5, "lots"]
    assert cells(table, "rating")[1] == float("inf")


def test_a_csv_file_with_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    """An empty day is no error."""
    (tmp_path / "events.csv").write_text(HEADER)

    assert list(read_interactions(tmp_path / "events.csv")) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "no column user .* none at all"), (b"\xff\xfeu\x00", "line 1: no header of a CSV file")],
    ids=["empty", "UTF-16"],
)
def test_a_csv_file_without_header_is_refused(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    """A file that says nothing of its columns is refused, with what is wrong."""
    with pytest.raises(SourceError, match=complaint):
        read_text(tmp_path / "events.csv", content)


def test_values_of_the_wrong_type_stay_what_they_are(tmp_path: Path) -> None:
    """A number in place of an id, or a word in place of a time, is there for the judge to see."""
    table = read_text(
        tmp_path / "events.jsonl",
        '{"user": 7, "video": ["a"], "kind": null, "at": 1.5, "rating": "good"}\n'
        '{"user": "u", "video": "v", "kind": "like", "at": 3, "watch_ratio": true}\n'
        '{"user": "u", "video": "v", "kind": "like", "at": ' + "9" * 40 + "}\n"
        '{"user": "u", "video": "v", "kind": "like"}\n',
    )

    assert cells(table, "user") == [7, "u", "u", "u"]
    assert cells(table, "video")[0] == ["a"]
    assert cells(table, "kind")[0] is None
    assert cells(table, "at") == [1.5, 3, int("9" * 40), None]
    assert [type(value) for value in cells(table, "at")[:2]] == [float, int]
    assert cells(table, "rating")[0] == "good"
    assert cells(table, "watch_ratio")[1] is True


def test_broken_lines_of_json_are_listed(tmp_path: Path) -> None:
    """Lines that are no JSON object are listed; blank lines are none."""
    fine = b'{"user":"a","video":"b","kind":"like","at":1}\n'
    table = read_text(
        tmp_path / "events.jsonl",
        fine + b'\n{"user":\n[1]\n{"user":"\xff"}\n{"user":' + b"[" * 100_000 + b"\n" + fine,
    )

    assert table.rows.tolist() == [1, 7]
    assert [line for line, _ in table.unreadable] == [3, 4, 5, 6]
    assert all(reason.startswith("not a JSON object: ") for _, reason in table.unreadable)


def test_a_file_of_broken_lines_is_all_unreadable(tmp_path: Path) -> None:
    """Where no line can be read there is still a table, to count what was lost."""
    table = read_text(tmp_path / "events.jsonl", "nonsense\n" * 3)

    assert len(table) == 0
    assert table.columns.schema.names == list(COLUMNS)
    assert len(table.unreadable) == 3
