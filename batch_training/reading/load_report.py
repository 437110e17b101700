"""LoadReport: what became of every row of the input."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from batch_training.night_report import DataFacts
from batch_training.reading.event_tally import EventTally
from data.sources.times import UNITS

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.reading.rejected import Rejected
    from data.sources.table import Table

EXAMPLES: Final = 5  # of bad rows, for each reason


class BadRow(NamedTuple):
    """Where a row stood that could not be used, and what was wrong with it."""

    path: Path
    row: int
    detail: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.path}, row {self.row}: {self.detail}"


@dataclass
class LoadReport:
    """What became of every row.

    Attributes
    ----------
    quarantine
        The file with all rows that were dropped, if it was kept.
    rows, kept
        How many rows there were, and how many became events.
    users, videos
        How many distinct ones the events have.
    dropped
        How many rows became none, by reason.
    examples
        The first few of each reason.
    tally
        What was counted of the events.
    """

    quarantine: Path | None
    rows: int = 0
    kept: int = 0
    users: int = 0
    videos: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[BadRow]] = field(default_factory=dict)
    tally: EventTally = field(default_factory=EventTally)
    _rows_of: Counter[Path] = field(default_factory=Counter)
    _hints_of: Counter[tuple[Path, str]] = field(default_factory=Counter)

    @property
    def bad_share(self) -> float:
        """Share of rows that were dropped."""
        return (self.rows - self.kept) / self.rows if self.rows else 0.0

    def keep(self, table: Table, count: int) -> None:
        """Count rows of a table that became events."""
        self.rows += count
        self.kept += count
        self._rows_of[table.path] += count

    def drop(self, rejected: Rejected) -> None:
        """Count rows that can't be used."""
        path, count = rejected.table.path, len(rejected.rows)
        self.rows += count
        self._rows_of[path] += count
        self.dropped[rejected.reason] = self.dropped.get(rejected.reason, 0) + count
        shown = self.examples.setdefault(rejected.reason, [])
        rows = zip(rejected.rows, rejected.details, strict=True)
        first = zip(range(EXAMPLES - len(shown)), rows, strict=False)
        shown += [BadRow(path, *row) for _, row in first]
        for unit, found in Counter(rejected.units).items():
            if unit >= 0:
                hint = f"at={rejected.table.at_column}:{UNITS[unit]}"
                self._hints_of[path, hint] += found

    @property
    def hints(self) -> list[str]:
        """What would mend files most of whose times are in another unit, in sentences."""
        return [
            f"Most times of {path} seem to be in {hint.rpartition(':')[2]}: --map {hint} says so"
            for (path, hint), count in self._hints_of.items()
            if 2 * count > self._rows_of[path]
        ]

    def facts(self, pairs: int, left_out: dict[str, int]) -> DataFacts:
        """Give what the night's report tells of its data.

        Parameters
        ----------
        pairs
            Distinct (user, video).
        left_out
            Events, users or videos that could be used and were not, by reason.
        """
        tally = self.tally
        return DataFacts(
            rows=self.rows,
            events=self.kept,
            users=self.users,
            videos=self.videos,
            pairs=pairs,
            oldest_at=tally.oldest_at,
            newest_at=tally.newest_at,
            kinds=tally.kind_counts,
            watch_ratio=tally.watch_ratio,
            dropped=dict(self.dropped),
            left_out=left_out,
            fingerprint=tally.fingerprint,
        )

    def __str__(self) -> str:
        """Several lines for a person."""
        lines = [f"{self.kept:,} of {self.rows:,} rows can be used"]
        for reason, count in self.dropped.items():
            lines.append(f"  {reason}: {count:,} rows, the first of them:")
            lines += [f"    {row}" for row in self.examples[reason]]
        return "\n".join([*lines, *self.hints[:EXAMPLES]])


class BadDataError(ValueError):
    """Too little in the files can be used to learn from it.

    Attributes
    ----------
    reason
        What is wrong, in a sentence.
    report
        What became of every row.
    """

    def __init__(self, message: str, report: LoadReport) -> None:
        super().__init__(f"{message}\n{report}")
        first = next((rows[0] for rows in report.examples.values() if rows), None)
        told = [message, *([f"the first is {first}"] if first else []), *report.hints[:1]]
        self.reason = "; ".join(told)
        self.report = report
