"""LoadReport: what became of every row of the input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES: Final = 5  # of bad rows, for each reason


class BadRow(NamedTuple):
    """Where a row stood that could not be used, and what was wrong with it."""

    path: Path
    row: int
    detail: str


@dataclass
class LoadReport:
    """What became of every row.

    Attributes
    ----------
    rows, kept
        How many rows there were, and how many became events.
    dropped
        How many did not, by reason.
    examples
        The first few of each reason.
    """

    rows: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[BadRow]] = field(default_factory=dict)

    @property
    def bad_share(self) -> float:
        """Share of rows that were dropped."""
        return (self.rows - self.kept) / self.rows if self.rows else 0.0

    def drop(self, reason: str, count: int, examples: list[BadRow]) -> None:
        """Count rows that can't be used."""
        if count:
            self.rows += count
            self.dropped[reason] = self.dropped.get(reason, 0) + count
            shown = self.examples.setdefault(reason, [])
            shown += examples[: EXAMPLES - len(shown)]

    def __str__(self) -> str:
        """Several lines for a person."""
        lines = [f"{self.kept:,} of {self.rows:,} rows can be used"]
        for reason, count in self.dropped.items():
            lines.append(f"  {reason}: {count:,} rows, the first of them:")
            lines += [f"    {b.path}, row {b.row}: {b.detail}" for b in self.examples[reason]]
        return "\n".join(lines)


class BadDataError(ValueError):
    """Too little in the files can be used to learn from it.

    Attributes
    ----------
    report
        What became of every row.
    """

    def __init__(self, message: str, report: LoadReport) -> None:
        super().__init__(f"{message}\n{report}")
        self.report = report
