"""What the tests of the night build: tables, events, and a small world in which taste shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from batch_training.reading.load import LoadSettings, load_in_memory
from data.interaction import EventLimits
from data.sources.cells import column_of
from data.sources.table import COLUMNS, Table
from tests.builders import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.events import Events

ANY_TIME = LoadSettings(limits=EventLimits(earliest_ms=1), max_bad_share=1.0)


def table(
    rows: Sequence[dict[str, Any]],
    unreadable: Sequence[tuple[int, str]] = (),
    path: Path = Path("some.jsonl"),
) -> Table:
    """Give rows as a source does; they stand in the file from row 1 on, a missing cell is None."""
    columns = {name: column_of(name, [row.get(name) for row in rows]) for name in COLUMNS}
    whole = pa.RecordBatch.from_pydict(columns)
    return Table(path, whole, np.arange(1, len(rows) + 1), list(unreadable))


def events_of(rows: Sequence[dict[str, Any]], seed: int = 0) -> Events:
    """Load rows that are all valid, of any time."""
    settings = LoadSettings(limits=EventLimits(earliest_ms=1), max_bad_share=0.0)
    return load_in_memory(table(rows), settings, NOW_MS, seed)[0]


def plain(events: Events) -> list[dict[str, Any]]:
    """Give loaded events as the tests' plain dictionaries."""
    fields = ("user", "video", "kind", "at", "watch_ratio", "rating")
    loaded = (events.interaction(index) for index in range(len(events)))
    rows = [{name: getattr(event, name) for name in fields} for event in loaded]
    return [{name: cell for name, cell in row.items() if cell is not None} for row in rows]


def world(
    users: int = 120, videos: int = 120, each: int = 24, seed: int = 0
) -> list[dict[str, Any]]:
    """Draw ratings: every user likes one of six groups of videos, and nothing happens at once."""
    random = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        group = random.permutation(np.arange(user % 6, videos, 6))[: each * 3 // 4]
        other = random.choice(videos, each // 4, replace=False)
        stars = dict.fromkeys(other.tolist(), 2.0) | dict.fromkeys(group.tolist(), 5.0)
        rows += [
            {"user": f"u{user}", "video": f"v{video}", "kind": "rating", "rating": rating}
            for video, rating in stars.items()
        ]
    times = NOW_MS - 1000 * random.permutation(len(rows))
    return [row | {"at": at} for row, at in zip(rows, times.tolist(), strict=True)]


def without_taste() -> list[dict[str, Any]]:
    """Draw a world in which users take to what is popular, and nothing else."""
    random = np.random.default_rng(0)
    share = 1 / np.arange(1, 61)
    rows = []
    for user in range(80):
        videos = random.choice(60, 20, replace=False, p=share / share.sum())
        rows += [
            {"user": f"u{user}", "video": f"v{video}", "kind": "like"} for video in videos.tolist()
        ]
    times = 1 + random.permutation(len(rows))
    return [row | {"at": at} for row, at in zip(rows, times.tolist(), strict=True)]


def renamed(rows: Sequence[dict[str, Any]], seed: int = 1) -> list[dict[str, Any]]:
    """Give every user and video another id, so that ids sort in another order."""
    random = np.random.default_rng(seed)
    changed = [dict(row) for row in rows]
    for name in ("user", "video"):
        ids = sorted({row[name] for row in rows})
        new = dict(zip(ids, random.permutation(len(ids)).tolist(), strict=True))
        for row in changed:
            row[name] = f"{new[row[name]]:x}"
    return changed


class Silent:
    """A `Progress` that shows nothing."""

    def stage(self, name: str) -> None:
        """Show nothing."""

    def step(self, done: int, total: int) -> None:
        """Show nothing."""

    def done(self, more: str = "") -> None:
        """Show nothing."""
