"""What text files of interactions have in common: compression, and rows gathered into tables."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import pyarrow as pa

from data.sources.table import Table, completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from data.sources.column_map import ColumnMap

COMPRESSIONS: Final = {".gz": "gzip", ".zst": "zstd"}
BATCH_ROWS: Final = 131_072  # some 30 MB as Python objects

T = TypeVar("T")


def open_text(path: Path) -> BinaryIO:
    """Open a text file that may be compressed, by its ending.

    What breaks off or is not compressed at all raises an `OSError` where it is read.
    """
    if (compression := COMPRESSIONS.get(path.suffix)) is None:
        return path.open("rb")
    # pyarrow's streams are raw files in all but their type.
    raw: io.RawIOBase = pa.input_stream(str(path), compression=compression)
    return io.BufferedReader(raw, 1 << 18)


def tables_of(
    path: Path,
    parsed: Iterator[tuple[int, T | str]],
    columns_of: Callable[[list[T]], dict[str, pa.Array]],
    mapping: ColumnMap,
) -> Iterator[Table]:
    """Gather rows into tables of at most `BATCH_ROWS` rows, readable and unreadable together.

    Parameters
    ----------
    path
        The file.
    parsed
        For each row its number, and its values or the reason why there are none.
    columns_of
        Makes columns out of the values of some rows.
    mapping
        Tells what is the same in all rows, and what the times count.
    """
    while True:
        rows: list[int] = []
        good: list[T] = []
        bad: list[tuple[int, str]] = []
        for row, values in islice(parsed, BATCH_ROWS):
            if isinstance(values, str):
                bad.append((row, values))
            else:
                rows.append(row)
                good.append(values)
        if not rows and not bad:
            return
        columns = columns_of(good) | mapping.constant_columns(len(good))
        whole = completed(columns, len(good), mapping.unit)
        at = (mapping.at_column, mapping.unit or "ms")
        yield Table(path, whole, np.array(rows, np.int64), bad, *at)
