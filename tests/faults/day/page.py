"""The table as it stands in docs/reliability.md, written from what the runs came to."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy.embedded.redis_server import available_servers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.faults.day.checker import Counts
    from tests.faults.day.table import Outcome, Row

BEGIN: Final = "<!-- the table: written by make faults -->"
END: Final = "<!-- the end of the table -->"
_HEAD: Final = (
    "| fault, and what is promised | how it is injected | what shows that it took effect "
    "| n | events | lost | doubled | users that differ | back after, s | longest wait, s |\n"
    "|---|---|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


class Result(NamedTuple):
    """All runs of a row; what went wrong with those that came to nothing."""

    row: Row
    outcomes: Sequence[Outcome]
    errors: Sequence[str]

    @property
    def is_held(self) -> bool:
        """Whether every run went as promised."""
        return not self.errors and all(self.row.is_held(outcome) for outcome in self.outcomes)

    def line(self) -> str:
        """Give its line of the table."""
        counts = [outcome.counts for outcome in self.outcomes]
        held = "" if self.is_held else "<br>**not held** " + "; ".join(self.errors)
        cells = [
            f"**{self.row.name}**<br>{self.row.promise}{held}",
            self.row.how,
            "<br>".join(dict.fromkeys(outcome.proof for outcome in self.outcomes)),
            str(len(counts)),
            *(f"{sum(column):,}" for column in _columns(counts)),
            _span(c.recovered_s for c in counts),
            _span(c.waited_s for c in counts),
        ]
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _columns(counts: Sequence[Counts]) -> list[list[int]]:
    names = ("sent", "lost", "doubled", "differing")
    return [[getattr(count, name) for count in counts] for name in names]


def _span(values: Iterable[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    if not known:
        return "–"
    least, most = f"{known[0]:.1f}", f"{known[-1]:.1f}"
    return most if least == most else f"{least}–{most}"


def table(results: Sequence[Result]) -> str:
    """Give the table, with the conditions under which it was made."""
    return f"{conditions()}\n\n{_HEAD}{''.join(result.line() for result in results)}"


def conditions() -> str:
    """Say when, where and with what."""
    parts = {name: version(name) for name in ("faust-streaming", "aiokafka", "redis", "numpy")}
    software = ", ".join(f"{name} {number}" for name, number in parts.items())
    return (
        f"Written by `make faults`, last on {datetime.now(UTC):%Y-%m-%d}, {platform.system()} on"
        f" {platform.machine()}, {os.cpu_count()} cores that all processes share, Python"
        f" {platform.python_version()}, Apache Kafka 4.1 (one node),"
        f" {next(iter(available_servers()), 'no Redis')}, {software}."
    )


def write_into(page: Path, results: Iterable[Result], rows: Iterable[Row]) -> None:
    """Write the lines of these results into the table of a page; other rows keep theirs.

    Raises
    ------
    ValueError
        If the page has no place for the table.
    """
    before, _, rest = page.read_text().partition(BEGIN)
    old, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page} lacks the marks {BEGIN} and {END}")
    parts = (line.partition("**<br>") for line in old.splitlines(keepends=True))
    lines = {name.removeprefix("| **"): name + mark + more for name, mark, more in parts}
    lines |= {result.row.name: result.line() for result in results}
    body = "".join(lines.get(row.name, "") for row in rows)
    page.write_text(f"{before}{BEGIN}\n{conditions()}\n\n{_HEAD}{body}{END}{after}")
