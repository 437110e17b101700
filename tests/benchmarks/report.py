"""What a benchmark gives back, and how it is shown."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

_PACKAGES: Final = ("numpy", "scipy", "implicit", "faust-streaming", "redis")


@dataclass(frozen=True, kw_only=True)
class Report:
    """One table with what a reader needs to judge it.

    Attributes
    ----------
    title
        What is compared.
    conditions
        Sizes and settings, one line each.
    columns, rows
        The table; the first column names what was measured.
    notes
        What was found beside the figures, one line each.
    """

    title: str
    conditions: list[str]
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: list[str]


def table_of(report: Report) -> Table:
    """Lay a report out for a terminal."""
    table = Table(
        title=report.title,
        title_justify="left",
        caption=Text("\n".join((*report.conditions, *report.notes))),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column(report.columns[0], no_wrap=True)
    for name in report.columns[1:]:
        table.add_column(name, justify="right")
    for row in report.rows:
        table.add_row(*row)
    return table


def markdown_of(report: Report) -> str:
    """Lay a report out for a page."""
    rules = ["---", *("---:" for _ in report.columns[1:])]
    lines = [f"| {' | '.join(cells)} |" for cells in (report.columns, rules, *report.rows)]
    text = [" ".join(report.conditions), *report.notes]
    return "\n".join([f"**{report.title}**", "", *lines, "", *(f"- {line}" for line in text), ""])


def machine() -> str:
    """Describe where and on what a run was made."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()}; "
        f"Python {platform.python_version()}, {packages}, {blas['name']} {blas['version']} "
        "with 1 thread"
    )


def _processor() -> str:
    """Name the processor where the system tells it, else its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
