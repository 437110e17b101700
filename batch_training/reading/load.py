"""Load: from interaction files, as they stand there, to valid events and a count of the rest."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from batch_training.events import Events
from batch_training.reading.event_tally import id_hashes
from batch_training.reading.load_report import BadDataError, LoadReport
from batch_training.reading.quarantine import quarantine_in
from batch_training.reading.rejected import rejected_rows
from batch_training.reading.spool import Spool
from batch_training.reading.validate import cells_of, verdict
from data.interaction import EventLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from batch_training.reading.validate import Cells, Coded
    from data.sources.table import Table

HOPELESS: Final = 1_000_000  # rows; where none of so many can be used, the rest isn't read


class LoadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are taken, and how many bad ones are borne with.

    Attributes
    ----------
    limits
        Bounds in time; the same as for live events.
    max_bad_share
        More than this share of bad rows stops the night; from 0 to 1.
    """

    limits: EventLimits = EventLimits()
    max_bad_share: float = 0.05

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if not 0 <= self.max_bad_share <= 1:
            msg = f"max_bad_share = {self.max_bad_share} must be from 0 to 1"
            raise ValueError(msg)


def load(
    tables: Iterable[Table], settings: LoadSettings, now_ms: int, folder: Path
) -> tuple[Spool, LoadReport]:
    """Validate all rows by the rules for live events; spool the good ones, put aside the rest.

    Memory follows the distinct users and videos, not the rows.

    Parameters
    ----------
    tables
        What the sources read.
    now_ms
        The present, in ms UTC; rows too far after it are dropped.
    folder
        Where the spool is written, and ``quarantine.parquet`` with every row that was dropped:
        ``path, row, reason, detail`` and its ``values`` as JSON.

    Returns
    -------
    The good rows in the order in which they came, users and videos numbered as they appear in
    them; and what became of all rows.

    Raises
    ------
    BadDataError
        If no row can be used (or none of the first `HOPELESS`, and the rest was not read), or
        more than ``settings.max_bad_share`` of them can't.
    """
    spool = Spool(folder)
    users, videos = _Ids(spool.users), _Ids(spool.videos)
    bounds = (settings.limits, now_ms)
    with quarantine_in(folder) as quarantine:
        report = LoadReport(quarantine=quarantine.path)
        for table in tables:
            cells = cells_of(table.columns)
            wrong = verdict(cells, *bounds)
            events = _events(cells, wrong == 0, users, videos)
            spool.add(events)
            report.keep(table, len(events))
            report.tally.add(events, users.hashes, videos.hashes)
            for rejected in rejected_rows(table, cells.at, wrong, *bounds):
                quarantine.add(rejected)
                report.drop(rejected)
            if not report.kept and report.rows >= HOPELESS:
                break
    report.users, report.videos = len(spool.users), len(spool.videos)
    _refuse(report, settings)
    return spool, report


def load_in_memory(
    table: Table, settings: LoadSettings, now_ms: int, seed: int = 0
) -> tuple[Events, LoadReport]:
    """Do the same with a table whose events fit into memory, and put them in order.

    Parameters
    ----------
    seed
        For the order of events of the same moment.
    """
    with TemporaryDirectory() as folder:
        spool, report = load([table], settings, now_ms, Path(folder))
        report.quarantine = None  # it goes with the folder
        return spool.events().in_order(seed), report


class _Ids:
    """Numbers ids as they appear, and hashes each once.

    Attributes
    ----------
    ids
        By number.
    hashes
        Shape (2, len(ids)): as `batch_training.reading.event_tally.id_hashes` gives them.
    """

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        self.hashes = id_hashes(())
        self._codes: dict[str, int] = {}

    def code(self, column: Coded, good: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Give the numbers of the ids in some rows; each distinct id is looked up once."""
        local = column.code[good]
        used = pd.unique(local)  # in order of appearance
        known = len(self.ids)
        numbers = np.zeros(len(column.texts), np.int32)
        codes = self._codes
        texts = column.texts.take(pa.array(used)).to_pylist()
        numbers[used] = [codes.setdefault(text, len(codes)) for text in texts]
        self.ids.extend(islice(codes, known, None))
        self.hashes = np.concatenate([self.hashes, id_hashes(self.ids[known:])], axis=1)
        return np.take(numbers, local)


def _events(cells: Cells, good: NDArray[np.bool_], users: _Ids, videos: _Ids) -> Events:
    """Keep the good rows of a table."""
    return Events(
        users=users.ids,
        videos=videos.ids,
        user=users.code(cells.user, good),
        video=videos.code(cells.video, good),
        kind=cells.kind[good],
        at=cells.at[good],  # noqa: PD008 - an array, no frame
        watch_ratio=cells.watch_ratio[good],
        rating=cells.rating[good],
    )


def _refuse(report: LoadReport, settings: LoadSettings) -> None:
    """Stop where too little can be used."""
    if not report.kept:
        where = f" in the first {report.rows:,} rows" if report.rows >= HOPELESS else ""
        msg = f"there is no interaction to learn from{where}; check the files"
        raise BadDataError(msg, report)
    if report.bad_share > settings.max_bad_share:
        raise BadDataError(
            f"{report.bad_share:.1%} of the rows can't be used, more than the "
            f"{settings.max_bad_share:.1%} of max_bad_share; mend the data or raise that setting",
            report,
        )
