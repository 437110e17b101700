"""Table: a bounded piece of an interactions file, as it stands there and before it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from data.sources.cells import IDS, column_of, ids_as_text, python_values
from data.sources.times import Unit, to_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

TEXT: Final = (*IDS, "kind")
REQUIRED: Final = (*TEXT, "at")
OPTIONAL: Final = ("watch_ratio", "rating")
COLUMNS: Final = (*REQUIRED, *OPTIONAL)


class SourceError(ValueError):
    """Data that can't be had at all; the message says what is wrong and what to do."""


@dataclass(frozen=True, eq=False)
class Table:
    """Some rows of one file, with the values that stand there.

    Attributes
    ----------
    path
        The file.
    columns
        The columns `COLUMNS`, of whatever type they are in the file; ids are often encoded as a
        dictionary. A column whose cells are of several types is of Arrow's type ``json``, each
        cell a JSON text. Times are int64 in ms UTC where they could be read as times.
    rows
        Shape (n,): where each row stands in the file, counted from 1; for text this is the line,
        and a header is line 1.
    unreadable
        Rows that could not even be taken apart: where, and why.
    at_column, at_unit
        The column of the file that the times came from, and what they were taken to count.
    """

    path: Path
    columns: pa.RecordBatch
    rows: NDArray[np.int64]
    unreadable: list[tuple[int, str]]
    at_column: str = "at"
    at_unit: Unit = "ms"

    def __len__(self) -> int:
        """Count the rows that could be taken apart."""
        return len(self.rows)

    @classmethod
    def of_frame(cls, name: str | Path, frame: pd.DataFrame) -> Table:
        """Take a frame as if it had been read from a file; NaN is a missing cell.

        Parameters
        ----------
        name
            What to call the file.
        frame
            Columns as in a Parquet file; whole numbers as ids are taken as text.
        """
        columns = {name: _arrow(name, frame[name]) for name in COLUMNS if name in frame}
        rows = np.arange(1, len(frame) + 1, dtype=np.int64)
        return cls(Path(name), completed(columns, len(frame)), rows, [])

    def values(self, which: Sequence[int] | NDArray[np.integer]) -> dict[str, list[object]]:
        """Give some rows as Python objects, a list for each column."""
        chosen = self.columns.take(pa.array(which, pa.int64()))
        return {name: python_values(chosen.column(name)) for name in COLUMNS}


def _arrow(name: str, series: pd.Series) -> pa.Array:
    """Turn a column of a frame into one piece of Arrow; NaN is missing."""
    if series.dtype == object:
        return column_of(name, series.where(series.notna(), None).tolist())
    array = pa.array(series, from_pandas=True)
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return ids_as_text(name, whole)


def completed(columns: dict[str, pa.Array], count: int, unit: Unit | None = None) -> pa.RecordBatch:
    """Put the columns in their order, missing ones filled with null, and times into ms.

    Parameters
    ----------
    columns
        By the names in `COLUMNS`.
    count
        How many rows there are.
    unit
        What numbers in the column ``at`` count; None for whole ms.
    """
    whole = {name: columns.get(name, pa.nulls(count)) for name in COLUMNS}
    return pa.RecordBatch.from_pydict(whole | {"at": to_ms(whole["at"], unit)})
