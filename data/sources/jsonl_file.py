"""Interactions out of JSONL files: one JSON object a line, in the form of a live event."""

from __future__ import annotations

from functools import partial
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from data.sources.cells import column_of
from data.sources.table import OPTIONAL
from data.sources.text import open_text, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from data.sources.column_map import ColumnMap
    from data.sources.table import Table

T = TypeVar("T")

_HEAD = 100  # lines that are looked at for the names of the columns


def read_jsonl(path: Path, mapping: ColumnMap) -> Iterator[Table]:
    """Read a file with one JSON object a line.

    JSON tells numbers from text, so a number as an id stays a number, as in a live event.
    """
    with open_text(path) as lines:
        head = [values for _, values in _rows(islice(lines, _HEAD), dict[str, Any])]
    if keys := {key: None for values in head if isinstance(values, dict) for key in values}:
        # What may be missing in a line may be missing in a hundred.
        mapping.find(
            path, [*keys, *(mapping.columns[name] for name in OPTIONAL if name in mapping.columns)]
        )
    with open_text(path) as lines:
        parsed = _rows(lines, _line_type(mapping.asked))
        yield from tables_of(path, parsed, partial(_columns, mapping.asked), mapping)


def _line_type(columns: Mapping[str, str]) -> type[msgspec.Struct]:
    """Make a type for lines of which only some values are wanted, whatever these are."""
    wanted = dict.fromkeys(columns.values())
    fields = [(_field(key), Any, msgspec.field(default=None, name=key)) for key in wanted]
    # JSON has no cycles; looking for them in a batch of lines took longer than decoding it.
    return msgspec.defstruct("Line", fields, gc=False)


def _field(key: str) -> str:
    """Make a name that Python takes out of any key."""
    return f"x{key.encode().hex()}"


def _columns(columns: Mapping[str, str], lines: list[msgspec.Struct]) -> dict[str, pa.Array]:
    found = {name: map(attrgetter(_field(key)), lines) for name, key in columns.items()}
    return {name: column_of(name, list(values)) for name, values in found.items()}


def _rows(lines: Iterable[bytes], kind: type[T]) -> Iterator[tuple[int, T | str]]:
    """Decode line by line; blank lines say nothing."""
    decode = msgspec.json.Decoder(kind).decode
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield number, f"not a JSON object: {error}"
