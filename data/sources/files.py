"""Interactions out of Parquet, CSV and JSONL files, as they stand there."""

from __future__ import annotations

import csv
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.sources.table import (
    BATCH_ROWS,
    COLUMNS,
    OPTIONAL,
    TEXT,
    SourceError,
    Table,
    arrow_column,
    check_columns,
    column,
    tables_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

T = TypeVar("T")


def read_interactions(path: Path) -> Iterator[Table]:
    """Read a file of interactions, or every such file in a folder and below, in order of name.

    The columns ``user, video, kind, at`` must be there, ``watch_ratio`` and ``rating`` may be;
    others are ignored. Nothing is judged here: values come as they stand in the file, rows that
    can't even be taken apart are listed beside them. Memory is bounded by `BATCH_ROWS` rows.

    Parameters
    ----------
    path
        A file ending in .parquet, .csv (commas, a header line) or .jsonl (one object a line), or
        a folder. Files whose name begins with a dot or an underscore are passed over.

    Raises
    ------
    SourceError
        If there is nothing to read, or a file can't be read at all.
    """
    for file in _files(path):
        try:
            yield from _READERS[file.suffix](file)
        except OSError as error:
            msg = f"{file}: can't be read ({error.strerror or error}); check path and permissions"
            raise SourceError(msg) from error


def _files(path: Path) -> list[Path]:
    """List the files that `read_interactions` reads."""
    endings = ", ".join(_READERS)
    if not path.exists():
        msg = f"{path}: there is no such file or folder; check the path"
        raise SourceError(msg)
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if _is_meant(file.relative_to(path)))
        if not found:
            msg = f"{path}: no interactions in this folder; they are looked for in files {endings}"
            raise SourceError(msg)
        return found
    if path.suffix not in _READERS:
        msg = f"{path}: interactions are read from files {endings}; convert or unpack this one"
        raise SourceError(msg)
    return [path]


def _is_meant(file: Path) -> bool:
    """Tell interactions from what other programs leave in a folder for themselves."""
    return file.suffix in _READERS and not any(part[0] in "._" for part in file.parts)


def _read_parquet(path: Path) -> Iterator[Table]:
    """Read a Parquet file, a bounded batch of a row group at a time."""
    done = 0
    with path.open("rb") as raw:
        try:
            file = pq.ParquetFile(raw)
            check_columns(path, file.schema_arrow.names)
            wanted = [name for name in COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
                rows = np.arange(done + 1, done + 1 + len(batch), dtype=np.int64)
                columns = {name: arrow_column(name, batch.column(name)) for name in wanted}
                yield Table(path, _completed(columns, len(batch)), rows, [])
                done += len(batch)
        except (pa.ArrowException, OSError) as error:
            msg = (
                f"{path}: is damaged or breaks off after row {done} ({error}). It may have been "
                "cut off while it was written or copied: write it again, or take it out"
            )
            raise SourceError(msg) from error


def _completed(columns: dict[str, pd.Series], count: int) -> pd.DataFrame:
    """Put the columns in their order, missing ones filled with NaN."""
    missing = {name: pd.Series(np.full(count, np.nan)) for name in OPTIONAL if name not in columns}
    return pd.DataFrame(columns | missing)[list(COLUMNS)]


def _read_csv(path: Path) -> Iterator[Table]:
    """Read a CSV file with the standard library.

    pyarrow reads CSV faster, but takes an unclosed quote for one cell as long as the rest of the
    file, and the rows in it are gone without a word; here each such line is listed as unreadable.
    """
    with path.open("rb") as lines:
        header = _header(path, lines)
        check_columns(path, header)
        wanted = [name for name in COLUMNS if name in header]
        pick = itemgetter(*map(header.index, wanted))
        yield from tables_of(path, _csv_rows(lines, len(header), pick), partial(_csv_frame, wanted))


def _csv_frame(names: list[str], rows: list[tuple[str, ...]]) -> pd.DataFrame:
    """Make a frame out of rows of text."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    named = zip(names, columns, strict=True)
    return _completed({name: column(name, _cells(name, cells)) for name, cells in named}, len(rows))


def _header(path: Path, lines: BinaryIO) -> list[str]:
    """Take the names of the columns off a CSV file."""
    try:
        return next(csv.reader([lines.readline().decode("utf-8-sig")], strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        msg = f"{path}, line 1: no header of a CSV file in UTF-8 ({error}); convert the file"
        raise SourceError(msg) from error


def _csv_rows(
    lines: BinaryIO, width: int, pick: Callable[[list[str]], tuple[str, ...]]
) -> Iterator[tuple[int, tuple[str, ...] | str]]:
    """Take the lines below the header apart; blank lines say nothing."""
    undecoded = 0  # the reader doesn't count lines that it was never given
    reader = csv.reader(map(bytes.decode, lines), strict=True)
    begin = 2
    while True:
        row: list[str] = []
        reason = ""
        try:
            row = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            undecoded += 1
            reason = f"not UTF-8: {error}"
        except csv.Error as error:
            reason = f"{error}; is a quote left open?"
        end = 2 + reader.line_num + undecoded
        if len(row) == width:
            yield begin, pick(row)
        elif row or reason:
            reason = reason or f"has {len(row)} cells, the header {width}"
            yield from ((line, reason) for line in range(begin, end))
        begin = end


def _cells(name: str, cells: Sequence[str]) -> list[object]:
    """Give the values of one CSV column: numbers where they belong and can be read as such."""
    if name in TEXT:
        return list(cells)
    read = int if name == "at" else float
    return [_number(cell, read) if cell else None for cell in cells]


def _number(cell: str, read: type[int | float]) -> object:
    try:
        return read(cell)
    except ValueError:
        return cell


class _Line(msgspec.Struct, gc=False):
    """One line of a JSONL file, with values of any type.

    JSON has no cycles; looking for them in a batch of lines took longer than decoding it.
    """

    user: Any = None
    video: Any = None
    kind: Any = None
    at: Any = None
    watch_ratio: Any = None
    rating: Any = None


def _read_jsonl(path: Path) -> Iterator[Table]:
    """Read a file with one JSON object a line."""
    with path.open("rb") as lines:
        head = [values for _, values in _jsonl_rows(islice(lines, 100), dict[str, Any])]
        if keys := {key: None for values in head if isinstance(values, dict) for key in values}:
            check_columns(path, keys)
        lines.seek(0)
        yield from tables_of(path, _jsonl_rows(lines, _Line), _jsonl_frame)


def _jsonl_frame(lines: list[_Line]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: column(name, [getattr(line, name) for line in lines]) for name in COLUMNS}
    )


def _jsonl_rows(lines: Iterable[bytes], kind: type[T]) -> Iterator[tuple[int, T | str]]:
    """Decode line by line; blank lines say nothing."""
    decode = msgspec.json.Decoder(kind).decode
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield number, f"not a JSON object: {error}"


_READERS = {".parquet": _read_parquet, ".csv": _read_csv, ".jsonl": _read_jsonl}
