"""The page that the table is written into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.day.checker import Counts
from tests.faults.day.page import BEGIN, END, Result, write_into
from tests.faults.day.rows import ROWS
from tests.faults.day.table import Outcome

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = Counts(100, 0, 0, 0, 0, 3, 0, 1.5, 2.5)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Give a page with a place for the table, and a line for each of three rows."""
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n{BEGIN}\n{END}\nAfter.\n")
    write_into(page, [Result(row, [Outcome(RIGHT, "a | b")], []) for row in ROWS[:3]], ROWS)
    return page


def lines_of(page: Path) -> list[str]:
    """Give the lines of the rows."""
    return [line for line in page.read_text().splitlines() if line.startswith("| **")]


def test_rows_that_ran_replace_their_lines(page: Path) -> None:
    """A row that is run again gets a new line in its place, and the others keep theirs."""
    before = lines_of(page)
    wrong = Outcome(RIGHT._replace(lost=7), "c")
    write_into(page, [Result(ROWS[1], [wrong, wrong], ["a reason"])], ROWS)
    after = lines_of(page)
    assert (after[0], after[2]) == (before[0], before[2])
    assert "| 2 | 200 | 14 | 0 | 0 |" in after[1]
    assert "**not held** a reason" in after[1]
    assert page.read_text().startswith("Before.\n")
    assert page.read_text().endswith("\nAfter.\n")


def test_a_row_that_is_no_more_loses_its_line(page: Path) -> None:
    """Only rows of the table have lines, in its order."""
    write_into(page, [], [ROWS[2], ROWS[0]])
    names = [line.partition("**<br>")[0] for line in lines_of(page)]
    assert names == [f"| **{ROWS[2].name}", f"| **{ROWS[0].name}"]


def test_a_page_without_a_place(tmp_path: Path) -> None:
    """A page without the two marks is refused, and stays as it is."""
    page = tmp_path / "page.md"
    page.write_text("Nothing.")
    with pytest.raises(ValueError, match="lacks the marks"):
        write_into(page, [], ROWS)
    assert page.read_text() == "Nothing."
