"""Spool: valid events on disk, as coded columns, so that memory needn't hold every row."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import pyarrow as pa

from batch_training.events import COLUMNS, Events

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAX_BATCH: Final = 1 << 20  # rows
_STRAY_OF: Final = 10_000
_MOST_STRAY: Final = 50
_HOUR_MS: Final = 3_600_000
_BINS: Final = 1 << 16
_SCHEMA: Final = pa.schema([(name, pa.from_numpy_dtype(kind)) for name, kind in COLUMNS.items()])
# Most columns hold few distinct values: lz4 halves the file, and is faster than the disk.
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")


class SpoolError(OSError):
    """The events could not be written down; the message says where, and what to do."""


class Spool:
    """Valid events in a file, in the order in which they were added.

    They may be read at any time and again and again, each time from the first event on.

    Parameters
    ----------
    folder
        Where the file ``events.arrow`` is written; an older one is overwritten.

    Attributes
    ----------
    users, videos
        External ids by code; they may grow while events are added.
    """

    def __init__(self, folder: Path) -> None:
        self.users: list[str] = []
        self.videos: list[str] = []
        self._path = folder / "events.arrow"
        self._len = 0
        self._left_out = np.zeros(0, np.bool_)
        try:
            # Arrow writes each batch at once, so a reader finds all that was added.
            self._writer = pa.ipc.new_stream(
                pa.OSFile(str(self._path), "wb"), _SCHEMA, options=_OPTIONS
            )
        except OSError as error:
            raise self._error(error) from error

    @classmethod
    def of(cls, events: Events, folder: Path) -> Self:
        """Write down events that are in memory; codes keep their meaning."""
        spool = cls(folder)
        spool.users, spool.videos = events.users, events.videos
        spool.add(events)
        return spool

    def __len__(self) -> int:
        """Count the events."""
        return self._len

    def add(self, events: Events) -> None:
        """Append events; their codes mean what ``users`` and ``videos`` say, or will say.

        Raises
        ------
        SpoolError
            If the disk is full.
        """
        columns = [pa.array(getattr(events, name)) for name in COLUMNS]
        table = pa.table(columns, schema=_SCHEMA)
        try:
            self._writer.write_table(table, max_chunksize=MAX_BATCH)
        except OSError as error:
            raise self._error(error) from error
        self._len += len(events)

    def without(self, users: NDArray[np.bool_]) -> Spool:
        """Leave all events of some users out; codes keep their meaning.

        Parameters
        ----------
        users
            Shape (n_users,): whom to leave out.

        Returns
        -------
        A spool on the same file, to be read only.
        """
        rest = copy.copy(self)
        rest._left_out = users  # noqa: SLF001 - a spool too
        rest._len = sum(len(events) for events in rest.batches())  # noqa: SLF001 - a spool too
        return rest

    def batches(self) -> Iterator[Events]:
        """Give the events in batches of at most `MAX_BATCH`; all share ``users`` and ``videos``."""
        if not self._len:
            return  # Arrow has not even begun the file
        with pa.OSFile(str(self._path)) as file:
            for batch in pa.ipc.open_stream(file):
                columns = {name: batch.column(name).to_numpy() for name in COLUMNS}
                events = Events(users=self.users, videos=self.videos, **columns)
                if len(self._left_out):
                    events = events.take(~self._left_out[events.user])
                yield events

    def events(self) -> Events:
        """Give everything at once, for a history that memory can hold."""
        return Events.joined(self.users, self.videos, self.batches())

    def cut_at(self, share: float) -> int:
        """Find the time that parts the oldest events from the rest, in constant memory.

        Each pass over the file counts the events in equal stretches of time, and the next one
        looks into the stretch in which the cut lies, until that is a single ms.

        Parameters
        ----------
        share
            Above 0, up to 1.

        Returns
        -------
        The smallest time, in ms UTC, such that at least ``share`` of all events are before it.
        """
        low, high = self._span()
        needed = math.ceil(round(share * len(self), 6))  # 0.7 * 10 is a bit more than 7
        while low < high:
            width = (high - low) // _BINS + 1
            counts = self._count(low, high, width)
            inside = int(np.searchsorted(counts.cumsum(), needed))
            needed -= int(counts[:inside].sum())
            low += inside * width
            high = min(high, low + width - 1)
        return low + 1

    def until(self) -> int:
        """Tell when the data end, in ms UTC: with the newest event, unless clocks go ahead.

        They do if the last few events (one in ten thousand; at least 1, at most 50) come more
        than an hour after all others; then the data end with the others.
        """
        newest = self._span()[1]
        few = min(_MOST_STRAY, max(1, len(self) // _STRAY_OF))
        others = self.cut_at((len(self) - few) / len(self)) - 1 if few < len(self) else newest
        return newest if newest - others <= _HOUR_MS else others

    def _span(self) -> tuple[int, int]:
        """Time of the oldest and of the newest event."""
        spans = [(events.at.min(), events.at.max()) for events in self.batches() if len(events)]
        return int(min(low for low, _ in spans)), int(max(high for _, high in spans))

    def _count(self, low: int, high: int, width: int) -> NDArray[np.int64]:
        """Count the events from ``low`` to ``high`` in stretches of ``width`` ms."""
        counts = np.zeros(_BINS, np.int64)
        for events in self.batches():
            inside = events.at[(low <= events.at) & (events.at <= high)]
            np.add.at(counts, (inside - low) // width, 1)
        return counts

    def _error(self, error: OSError) -> SpoolError:
        """Say what to do when the file can't be written."""
        return SpoolError(
            f"can't write {self._path} ({error}); {self._len:,} events are in it. The night writes "
            f"every event there, about 20 to 35 bytes each: make room, or name another state_folder"
        )
