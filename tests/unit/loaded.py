"""What the tests of loading share: files as a person has them, loaded; and what was put aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from batch_training.reading.load import LoadSettings, load
from data.sources.column_map import ColumnMap
from data.sources.files import read_interactions
from tests.builders import NOW_MS

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.reading.load_report import LoadReport
    from batch_training.reading.spool import Spool


def load_file(path: Path, bad: float = 1.0, mapping: str = "") -> tuple[Spool, LoadReport]:
    """Load what a person has at a path; what is made of it goes to a folder beside it."""
    scratch = path.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    tables = read_interactions(path, ColumnMap.parse(mapping) if mapping else None)
    return load(tables, LoadSettings(max_bad_share=bad), NOW_MS, scratch)


def quarantined(report: LoadReport) -> list[dict[str, Any]]:
    """Read the rows that were put aside."""
    assert report.quarantine
    rows: list[dict[str, Any]] = pq.read_table(report.quarantine).to_pylist()
    return rows
