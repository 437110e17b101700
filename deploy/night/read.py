"""Read: interactions from wherever people keep them into a spool."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING

from batch_training.reading.load import load
from batch_training.reading.load_report import BadDataError
from data.sources.files import read_interactions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from batch_training.progress import Stages
    from batch_training.reading.load import LoadSettings
    from batch_training.reading.load_report import LoadReport
    from batch_training.reading.spool import Spool
    from data.sources.column_map import ColumnMap


def read_events(
    paths: Iterable[Path], mapping: ColumnMap, settings: LoadSettings, scratch: Path, stages: Stages
) -> tuple[Spool, LoadReport]:
    """Read and validate files and folders.

    Parameters
    ----------
    mapping
        How their columns are called.
    scratch
        Folder for the spool, and for the rows that can't be used.

    Raises
    ------
    data.sources.table.SourceError, batch_training.reading.load_report.BadDataError
        If too little can be read.
    """
    with stages.stage("Read and validate"):
        tables = chain.from_iterable(read_interactions(path, mapping) for path in paths)
        try:
            spool, loaded = load(tables, settings, time.time_ns() // 1_000_000, scratch)
        except BadDataError as error:
            stages.progress.done(str(error.report))
            raise
        stages.progress.done(f"{loaded}; {loaded.users:,} users × {loaded.videos:,} videos")
    return spool, loaded
