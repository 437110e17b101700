"""The night's outcome for a terminal: what stands first on its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from batch_training.report import story

if TYPE_CHECKING:
    from rich.console import RenderableType

    from batch_training.night_report import NightReport

_COLOURS: Final = {"published": "green", "dry run": "blue"}


def summary(report: NightReport) -> RenderableType:
    """Say what came of a night: verdict, quality next to last night's, what was dropped, time."""
    colour = _COLOURS.get(report.verdict, "red")
    parts: list[RenderableType] = [
        f"\n[bold {colour}]{story.verdict(report)}.[/] {escape(story.outcome(report))}"
    ]
    parts += [f"  [{colour}]•[/] {escape(reason)}" for reason in story.reasons(report)]
    if report.judgements and report.judgements[0].ways:
        parts.append(_quality(report))
    parts.append(_facts(report))
    return Group(*parts)


def _quality(report: NightReport) -> Table:
    table = Table(
        title="Hit rate of the next liked video, in the first 10",
        title_justify="left",
        caption=story.compared(report) or None,
        caption_justify="left",
    )
    table.add_column("")
    table.add_column("hit rate", justify="right")
    table.add_column("95 % interval", justify="right")
    for figure in story.quality(report):
        table.add_row(figure.name, figure.value, f"[dim]{figure.interval}[/]")
    return table


def _facts(report: NightReport) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("Dropped", escape(story.dropped(report)))
    if report.quarantine:
        table.add_row("", f"All of them are in {escape(report.quarantine)}")
    table.add_row("Time taken", escape(story.took(report)))
    if report.refreshed:
        table.add_row("Lists refreshed", escape(story.refreshed(report)))
    table.add_row("Unusual", escape("\n".join(report.unusual)) or "Nothing.")
    return table
