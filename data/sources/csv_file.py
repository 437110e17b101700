"""Interactions out of CSV files, and others whose cells are parted by a mark."""

from __future__ import annotations

import csv
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from data.sources.cells import column_of
from data.sources.table import TEXT, SourceError
from data.sources.text import open_text, tables_of

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from data.sources.column_map import ColumnMap
    from data.sources.table import Table


class Dialect(NamedTuple):
    """How a text file parts its cells.

    Attributes
    ----------
    mark
        What stands between two cells.
    header
        Names of the columns where the file doesn't begin with them.
    """

    mark: str = ","
    header: tuple[str, ...] = ()


COMMAS: Final = Dialect()
_MARK: Final = "\x1f"  # the unit separator, one letter where a mark may have several


def read_csv(path: Path, mapping: ColumnMap, dialect: Dialect = COMMAS) -> Iterator[Table]:
    """Read a CSV file with the standard library.

    pyarrow reads CSV faster, but takes an unclosed quote for one cell as long as the rest of the
    file, and the rows in it are gone without a word; here each such line is listed as unreadable.
    """
    with open_text(path) as lines:
        header = list(dialect.header) or _header(path, lines)
        columns = mapping.find(path, header)
        pick = itemgetter(*(header.index(column) for column in columns.values()))
        first = 1 if dialect.header else 2
        parsed = _rows(lines, dialect.mark, len(header), first)
        picked = (
            (line, cells if isinstance(cells, str) else pick(cells)) for line, cells in parsed
        )
        make = partial(_columns, list(columns), has_fractions=mapping.unit is not None)
        yield from tables_of(path, picked, make, mapping)


def _header(path: Path, lines: BinaryIO) -> list[str]:
    """Take the names of the columns off a CSV file."""
    first = lines.readline()
    try:
        return next(csv.reader([first.decode("utf-8-sig")], strict=True), [])
    except (csv.Error, UnicodeDecodeError) as error:
        msg = f"{path}, line 1: no header of a CSV file in UTF-8 ({error}); convert the file"
        raise SourceError(msg) from error


def _rows(
    lines: Iterable[bytes], mark: str, width: int, first: int
) -> Iterator[tuple[int, list[str] | str]]:
    """Take the lines below the header apart; blank lines say nothing."""
    undecoded = 0  # the reader doesn't count lines that it was never given
    reader = _reader(lines, mark)
    begin = first
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
        end = first + reader.line_num + undecoded
        if len(row) == width:
            yield begin, row
        elif row or reason:
            reason = reason or f"has {len(row)} cells, the header {width}"
            yield from ((line, reason) for line in range(begin, end))
        begin = end


def _reader(lines: Iterable[bytes], mark: str) -> Reader:
    """Part cells; where the mark is not a comma, a quotation mark is a letter like any other."""
    if mark == COMMAS.mark:
        return csv.reader(map(bytes.decode, lines), strict=True)
    # Not a generator: it would end for good at the first line that is not UTF-8.
    parted = map(partial(_replaced, mark), lines)
    return csv.reader(parted, delimiter=_MARK, quoting=csv.QUOTE_NONE)


def _replaced(mark: str, line: bytes) -> str:
    return line.decode().replace(mark, _MARK)


def _columns(
    names: list[str], rows: list[tuple[str, ...]], *, has_fractions: bool
) -> dict[str, pa.Array]:
    """Make columns out of rows of text: numbers where they belong and can be read as such."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {
        name: pa.array(cells, pa.string())
        if name in TEXT
        else _numbers(name, cells, whole=name == "at" and not has_fractions)
        for name, cells in zip(names, columns, strict=True)
    }


def _numbers(name: str, cells: Sequence[str], *, whole: bool) -> pa.Array:
    """Read the numbers of one column; an empty cell is missing, what is no number stays text."""
    text = pa.array(cells, pa.string())
    with suppress(pa.ArrowInvalid):  # one of them is no number, or has a fraction
        given = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        return given.cast(pa.int64() if name == "at" else pa.float64())
    readers = (int,) if whole else (int, float) if name == "at" else (float,)
    return column_of(name, [_number(cell, readers) if cell else None for cell in cells])


def _number(cell: str, readers: tuple[Callable[[str], int | float], ...]) -> object:
    for read in readers:
        with suppress(ValueError):
            return read(cell)
    return cell
