"""ColumnMap: which columns of somebody else's file say what we ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from data.interaction import KINDS
from data.sources.table import COLUMNS, OPTIONAL, REQUIRED, SourceError
from data.sources.times import UNITS, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_EXAMPLE: Final = "user=uid,video=item_id,kind=:watch,watch_ratio=:1,at=ts:s"
_CONSTANTS: Final = ("kind", *OPTIONAL)


@dataclass(frozen=True)
class ColumnMap:
    """Which column of a file stands for which of `COLUMNS`; the others have their own names.

    Attributes
    ----------
    columns
        Name of the column in the file, by ours.
    constants
        What is the same in all rows: a kind as text, a watch ratio or rating as a number.
    unit
        What numbers in the column of times count; None for whole ms.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str | float] = field(default_factory=dict)
    unit: Unit | None = None

    @classmethod
    def parse(cls, text: str) -> ColumnMap:
        """Read ``user=uid,video=item_id,kind=:watch,at=ts:s``.

        ``name=column`` says where to find something, ``name=:value`` what is the same in all
        rows (``kind``, ``watch_ratio`` and ``rating``), ``at=column:unit`` what times count
        (``s``, ``ms``, ``us``, ``ns``; whole ms if left out).

        Raises
        ------
        SourceError
            Saying what is wrong, and which names there are.
        """
        columns: dict[str, str] = {}
        constants: dict[str, str | float] = {}
        unit = None
        for part in filter(None, map(str.strip, text.split(","))):
            name, equals, value = part.partition("=")
            _check_name(part, name, is_whole=bool(equals and value))
            if name in columns or name in constants:
                raise _error(part, f"{name} is given twice")
            if value.startswith(":"):
                constants[name] = _constant(part, name, value[1:])
                continue
            if name == "at":
                value, unit = _time(part, value)
            columns[name] = value
        return cls(columns, constants, unit)

    @property
    def at_column(self) -> str:
        """The column of the file that tells the times."""
        return self.columns.get("at", "at")

    @property
    def asked(self) -> dict[str, str]:
        """Where to look for what is not the same in all rows: the file's column, by our name.

        A column that stands for something else is not what its own name says.
        """
        taken = set(self.columns.values())
        return {
            name: self.columns.get(name, name)
            for name in COLUMNS
            if name not in self.constants
            and (name in REQUIRED or name in self.columns or name not in taken)
        }

    def find(self, path: Path, present: Iterable[str]) -> dict[str, str]:
        """Say which columns of a file to read.

        Parameters
        ----------
        path
            The file, for the message.
        present
            The columns of the file.

        Returns
        -------
        Those of `asked` that are there.

        Raises
        ------
        SourceError
            If a column is missing without which no row can be used, or one that was asked for.
        """
        there = list(present)
        missing = [
            column
            for name, column in self.asked.items()
            if column not in there and (name in REQUIRED or name in self.columns)
        ]
        if missing:
            msg = (
                f"{path}: has no column {' and no column '.join(missing)}; it has "
                f"{', '.join(there) or 'none at all'}. Needed are {', '.join(REQUIRED)}, and "
                f"{' and '.join(OPTIONAL)} are taken if there: rename or add what is missing, or "
                f"say what stands for it, as in --map {_EXAMPLE}"
            )
            raise SourceError(msg)
        return {name: column for name, column in self.asked.items() if column in there}

    def constant_columns(self, count: int) -> dict[str, pa.Array]:
        """Make the columns that are the same in all of so many rows."""
        return {name: pa.repeat(value, count) for name, value in self.constants.items()}


def _check_name(part: str, name: str, *, is_whole: bool) -> None:
    if not is_whole:
        raise _error(part, "it is not of the form name=column")
    if name not in COLUMNS:
        raise _error(part, f"there is no {name}; the names are {', '.join(COLUMNS)}")


def _constant(part: str, name: str, value: str) -> str | float:
    """Read what is the same in all rows."""
    if name not in _CONSTANTS:
        raise _error(part, f"only {', '.join(_CONSTANTS)} can be the same in all rows")
    if name == "kind":
        if value not in KINDS:
            raise _error(part, f"there is no kind {value}; the kinds are {', '.join(KINDS)}")
        return value
    try:
        return float(value)
    except ValueError:
        raise _error(part, f"{value} is no number") from None


def _time(part: str, value: str) -> tuple[str, Unit | None]:
    """Part the column of times from its unit."""
    column, colon, unit = value.rpartition(":")
    if not colon:
        return value, None
    for known in UNITS:
        if unit == known:
            return column, known
    raise _error(part, f"{unit or 'nothing'} is no unit of time; the units are {', '.join(UNITS)}")


def _error(part: str, why: str) -> SourceError:
    return SourceError(f"--map {part}: {why}. A mapping looks like {_EXAMPLE}")
