"""Quarantine: every row that could not be used, with the reason, in a Parquet file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_training.reading.rejected import Rejected

FILE: Final = "quarantine.parquet"
_SCHEMA: Final = pa.schema(
    [
        ("path", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("values", pa.string()),
    ]
)


class QuarantineError(OSError):
    """The bad rows could not be written down; the message says where, and what to do."""


class Quarantine:
    """Writes bad rows as they come, so that memory doesn't follow their number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._writer = pq.ParquetWriter(str(path), _SCHEMA, compression="zstd")
        except OSError as error:
            raise self._error(error) from error

    def add(self, rejected: Rejected) -> None:
        """Write some bad rows.

        Raises
        ------
        QuarantineError
            If the disk is full.
        """
        count = len(rejected.rows)
        columns = [
            pa.repeat(str(rejected.table.path), count),
            pa.array(rejected.rows, pa.int64()),
            pa.repeat(rejected.reason, count),
            pa.array(rejected.details, pa.string()),
            pa.array(rejected.values, pa.string()),
        ]
        try:
            self._writer.write_table(pa.table(columns, schema=_SCHEMA))
        except OSError as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Finish the file."""
        try:
            self._writer.close()
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> QuarantineError:
        return QuarantineError(
            f"can't write {self.path} ({error}). Every row that can't be used is written there: "
            "make room, or give another folder"
        )


@contextmanager
def quarantine_in(folder: Path) -> Iterator[Quarantine]:
    """Open the quarantine of a folder, and finish it whatever happens."""
    quarantine = Quarantine(folder / FILE)
    try:
        yield quarantine
    finally:
        quarantine.close()
