"""What the tests of the sources share: a file read as one table, and its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data.sources.files import read_interactions

if TYPE_CHECKING:
    from pathlib import Path

    from data.sources.column_map import ColumnMap
    from data.sources.table import Table


def read_one(path: Path, mapping: ColumnMap | None = None) -> Table:
    """Read a file that makes one table."""
    (table,) = read_interactions(path, mapping)
    return table


def cells(table: Table, name: str) -> list[object]:
    """Give one column as Python objects."""
    return table.values(np.arange(len(table)))[name]
