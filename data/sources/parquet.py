"""Interactions out of Parquet files: by row group, ids encoded as a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.sources.cells import IDS, can_be_id, ids_as_text, is_text
from data.sources.table import SourceError, Table, completed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from data.sources.column_map import ColumnMap

BATCH_ROWS: Final = 1 << 20  # some 40 MB, and each distinct id is looked at once in so many rows
_PAGES: Final = 1 << 20  # bytes read at a time, however long a row group is


def read_parquet(path: Path, mapping: ColumnMap) -> Iterator[Table]:
    """Read a Parquet file, a bounded batch of a row group at a time.

    Raises
    ------
    SourceError
        If the file is damaged or cut off, lacks a column, or its ids are of a type that can't
        tell users or videos apart.
    """
    done = 0
    try:
        with pa.OSFile(str(path)) as raw:
            file = pq.ParquetFile(raw)
            columns = mapping.find(path, file.schema_arrow.names)
            _check_ids(path, file.schema_arrow, columns)
            for batch in _batches(raw, file, list(set(columns.values()))):
                yield _table(path, batch, columns, mapping, done)
                done += len(batch)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's own; Arrow's have no number
        msg = (
            f"{path}: is damaged or breaks off after row {done} ({error}). It may have been "
            "cut off while it was written or copied: write it again, or take it out"
        )
        raise SourceError(msg) from error


def _batches(
    raw: pa.NativeFile, file: pq.ParquetFile, columns: list[str]
) -> Iterator[pa.RecordBatch]:
    """Read row group by row group, text as a dictionary, never more than some pages at a time.

    A batch of two row groups would come in pieces, as each has a dictionary of its own.
    """
    schema = file.schema_arrow
    coded = pq.ParquetFile(
        raw,
        metadata=file.metadata,
        read_dictionary=[name for name in columns if is_text(schema.field(name).type)],
        buffer_size=_PAGES,
        pre_buffer=False,
    )
    for group in range(coded.num_row_groups):
        yield from coded.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns)


def _check_ids(path: Path, schema: pa.Schema, columns: Mapping[str, str]) -> None:
    """Refuse ids of a type in which equal ids may come out different, or none are meant."""
    for name in IDS:
        kind = schema.field(columns[name]).type
        if not can_be_id(kind):
            msg = (
                f"{path}: the column {columns[name]} is to tell the {name} and is of type {kind}; "
                "ids are text or whole numbers. Write the column again as one of these (in "
                'pandas: astype("Int64") for whole numbers, some of them missing)'
            )
            raise SourceError(msg)


def _table(
    path: Path, batch: pa.RecordBatch, columns: Mapping[str, str], mapping: ColumnMap, done: int
) -> Table:
    """Make a table of a batch."""
    found = {
        name: ids_as_text(name, batch.column(column)) for name, column in columns.items()
    } | mapping.constant_columns(len(batch))
    rows = np.arange(done + 1, done + 1 + len(batch), dtype=np.int64)
    at = (mapping.at_column, mapping.unit or "ms")
    return Table(path, completed(found, len(batch), mapping.unit), rows, [], *at)
