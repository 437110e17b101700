"""What the tests of spools build: spools of given events, in batches of any size."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from batch_training.events import COLUMNS
from batch_training.reading.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_training.events import Events


@contextmanager
def spool_of(events: Events, batch: int = 1 << 20) -> Iterator[Spool]:
    """Write events down, so many at a time, in the order in which they stand."""
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        spool.users.extend(events.users)
        spool.videos.extend(events.videos)
        for start in range(0, len(events), batch):
            part = events.take(slice(start, start + batch))
            spool.add(part)
        yield spool


def same_events(a: Events, b: Events) -> bool:
    """Whether all columns are equal, to the bit."""
    return all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name[0] in "wr")
        for name in COLUMNS
    )
