"""Tables of the pages name what the code knows: no more, and no less."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from batch_training.night_report import NightReport
from batch_training.reading.load import LoadSettings, load
from batch_training.reading.load_report import BadDataError
from data.sources.files import read_interactions
from deploy.errors import EXIT_USAGE
from deploy.night.outcome import EXIT_CODES, Outcome
from tests.builders import NOW_MS
from tests.unit.documents import CONTRACTS, OPERATIONS

if TYPE_CHECKING:
    from pathlib import Path


def table_below(page: Path, heading: str) -> list[list[str]]:
    """Give the rows of the first table below a heading, cell by cell, without the header."""
    below = re.split(rf"^#+ {re.escape(heading)}$", page.read_text(), flags=re.MULTILINE)[1]
    lines = re.findall(r"^\|(.*)\|$", below.split("\n\n|", 1)[1].split("\n\n")[0], re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines[1:]]


def named(cell: str) -> list[str]:
    """Give what stands as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_exit_code_stands_in_the_operations() -> None:
    """The table has each verdict beside its code, and the codes without a verdict."""
    rows = table_below(OPERATIONS, "Exit codes")
    shown = {(code, verdict) for code, cell, *_ in rows for verdict in named(cell)}
    stopped = {("1", "published"), ("128 + n", "fault"), ("128 + n", "published")}
    assert shown == {(str(code), verdict) for verdict, code in EXIT_CODES.items()} | stopped
    codes = {code for code, *_ in rows}
    assert codes == {*map(str, {*EXIT_CODES.values(), EXIT_USAGE}), "128 + n"}


def test_every_field_of_a_report_stands_in_the_contracts() -> None:
    """The tables of the report and of the line name each field, and no other."""
    report = [name for cell, *_ in table_below(CONTRACTS, "The report") for name in named(cell)]
    assert sorted(report) == sorted(NightReport.__struct_fields__)
    line = [n for cell, *_ in table_below(OPERATIONS, "The line of JSON") for n in named(cell)]
    assert line == list(Outcome(NightReport(started_at=0), None, 0, None).line())


def test_every_column_of_the_quarantine_stands_in_the_contracts(tmp_path: Path) -> None:
    """The table is the schema of the file that a bad row is written to."""
    (tmp_path / "bad.jsonl").write_text(
        "no JSON\n" + '{"user": "ada", "video": "v", "kind": "like", "at": 1}\n'
    )
    with pytest.raises(BadDataError):
        load(read_interactions(tmp_path / "bad.jsonl"), LoadSettings(), NOW_MS, tmp_path)
    schema = pq.read_schema(tmp_path / "quarantine.parquet")
    shown = {named(name)[0]: kind for name, kind, _ in table_below(CONTRACTS, "The quarantine")}
    assert shown == {field.name: str(field.type) for field in schema}
