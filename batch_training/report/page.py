"""Page: a `NightReport` as one HTML file."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from batch_training.report import charts, story, tables, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batch_training.judgements import Interval, Judgement, Ladder
    from batch_training.night_report import NightReport
    from batch_training.report.charts import Bar

_FITS: Final = ("Judged fit", "Fit on everything")


def render(report: NightReport) -> str:
    """Draw the night's page.

    Parameters
    ----------
    report
        Of any night; parts that are missing are left out of the page.

    Returns
    -------
    A whole HTML page. It runs no script, and loads nothing from anywhere.
    """
    return _environment().get_template("page.html").render(report=report)


@cache
def _environment() -> Environment:
    """Make the functions of the parts known to the templates."""
    environment = Environment(
        loader=PackageLoader("batch_training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        charts=charts,
        story=story,
        tables=tables,
        words=words,
        fit_name=_fit_name,
        metric_bars=_metric_bars,
        activity_bars=_activity_bars,
        ladder_bars=_ladder_bars,
        stage_bars=_stage_bars,
    )
    return environment


def _metric_bars(judged: Judgement, key: str) -> list[Bar]:
    """Draw one metric of all ways."""
    rows = [(w.name, words.capital(words.way(w.name)), w.figures.get(key)) for w in judged.ways]
    return _figure_bars(key, rows)


def _activity_bars(report: NightReport) -> list[tuple[str, list[Bar]]]:
    """Draw the hit rate of each group of users, all on one scale."""
    top = charts.greatest_bound(i for g in report.by_activity for i in g.hit_rate.values())
    return [
        (
            f"{group.label}: {words.number(group.users)} users",
            _figure_bars(
                story.METRIC,
                [(k, words.capital(words.way(k)), i) for k, i in group.hit_rate.items()],
                top,
            ),
        )
        for group in report.by_activity
    ]


def _ladder_bars(ladder: Ladder) -> list[Bar]:
    """Draw what each part brings."""
    rows = [
        (r.name, words.capital(words.rung(r.name, ladder.parts)), r.figure) for r in ladder.rungs
    ]
    return _figure_bars(ladder.metric, rows)


def _figure_bars(
    key: str, rows: Iterable[tuple[str, str, Interval | None]], greatest: float | None = None
) -> list[Bar]:
    known = [(way, label, interval) for way, label, interval in rows if interval is not None]
    return charts.bars(known, lambda value: words.figure(key, value), greatest)


def _stage_bars(report: NightReport) -> tuple[list[Bar], list[Bar]]:
    """Draw the time and the memory of the stages."""
    seconds = [("stage", stage.name, stage.seconds) for stage in report.stages]
    peaks = [("stage", stage.name, stage.peak_mib) for stage in report.stages]
    return charts.bars(seconds, words.duration), charts.bars(peaks, words.memory)


def _fit_name(place: int) -> str:
    return _FITS[place] if place < len(_FITS) else f"Fit {place + 1}"
