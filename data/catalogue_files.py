"""Reading catalogue files: Parquet, or JSONL with one video a line; row by row, as given."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


class CatalogueError(ValueError):
    """A catalogue that can't be read; the message says where and what to do."""


class GivenRow(NamedTuple):
    """What a row says; an empty cell is the same as a missing column.

    Attributes
    ----------
    place
        File and row, for messages.
    cells
        By column, the empty ones left out.
    """

    place: str
    cells: dict[str, Any]


def read_rows(path: Path, columns: Collection[str]) -> Iterator[GivenRow]:
    """Read a Parquet file, or a JSONL file with one video a line.

    Parameters
    ----------
    columns
        What is wanted of a Parquet file; those that it lacks are missing in every row.

    Raises
    ------
    CatalogueError
        If the file can't be read; a row that is no row is named (by its line in JSONL).
    """
    if path.suffix not in {".parquet", ".jsonl"}:
        msg = f"{path}: a catalogue ends in .parquet or .jsonl; convert or rename the file"
        raise CatalogueError(msg)
    try:
        with path.open("rb") as file:
            if path.suffix == ".parquet":
                yield from parquet_rows(file, str(path), columns)
            else:
                yield from _jsonl_rows(file, str(path))
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror or error}); check path and permissions"
        raise CatalogueError(msg) from error


def parquet_rows(file: BinaryIO, name: str, columns: Collection[str]) -> Iterator[GivenRow]:
    """Read the rows of a Parquet file a bounded batch at a time; errors as `read_rows`."""
    try:
        parquet = pq.ParquetFile(file)
        present = parquet.schema_arrow.names
        if "id" not in present:
            msg = f"{name}: has no column id, only {', '.join(present)}; rename or add it"
            raise CatalogueError(msg)
        known = [column for column in present if column in columns]
        batches = parquet.iter_batches(columns=known)
        rows = chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, row in enumerate(rows, start=1):
            yield _given(row, f"{name}, row {number}")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        msg = f"{name}: not a whole Parquet file ({error}); write or copy it again"
        raise CatalogueError(msg) from error


def _jsonl_rows(file: BinaryIO, name: str) -> Iterator[GivenRow]:
    """Read the rows of a JSONL file; blank lines say nothing."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        place = f"{name}, line {number}"
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            msg = f"{place}: not a JSON object ({error}); mend it or take it out"
            raise CatalogueError(msg) from error
        yield _given(row, place)


def _given(row: dict[str, Any], place: str) -> GivenRow:
    return GivenRow(place, {key: value for key, value in row.items() if value is not None})
