"""Story: what a person must read of a night even if nothing else; for the page and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from batch_training.judgements import Interval
from batch_training.report.words import (
    bounds,
    capital,
    difference,
    duration,
    figure,
    is_clear,
    memory,
    number,
    percent,
    span,
    way,
)

if TYPE_CHECKING:
    from batch_training.judgements import Judgement
    from batch_training.night_report import NightReport, StageFacts

METRIC: Final = "hit_rate@10"
_LAST: Final = "what last night measured, on its own events"
_VERDICTS: Final = {
    "published": "Published",
    "dry run": "Dry run",
    "refused": "Refused",
    "refused for its data": "Refused for its data",
    "locked": "Not begun",
    "fault": "Fault",
}


_REFRESHED: Final = {
    "written": "written",
    "unchanged": "up to date already",
    "list_is_newer": "left, as a later model had made them",
    "lost_races": "made again, as an event came between",
}


class Figure(NamedTuple):
    """A figure with its name; the interval is empty where there is none."""

    key: str
    name: str
    value: str
    interval: str


def judgement(report: NightReport, protocol: str) -> Judgement | None:
    """Find what a protocol found, if it found anything."""
    found = (j for j in report.judgements if j.protocol == protocol and j.ways)
    return next(found, None)


def verdict(report: NightReport) -> str:
    """Say in a few words what came of the night."""
    forced = report.gate and report.gate.forced_by
    return _VERDICTS[report.verdict] + (" by force" if forced else "")


def outcome(report: NightReport) -> str:
    """Say what is served now."""
    served = f"{report.parent} goes on serving." if report.parent else "No model is served."
    if report.verdict == "published":
        before = f"It takes the place of {report.parent}." if report.parent else ""
        return f"{report.version or 'The new model'} is served now. {before or 'It is the first.'}"
    if report.verdict == "dry run":
        passes = report.gate is None or not report.gate.reasons
        would = "The gate would let it pass" if passes else "The gate would refuse it"
        would = would if report.gate else "The gate was not asked"
        return f"Nothing was published. {would}. {served}"
    if report.verdict == "locked":
        return "Another night is at work, so nothing was done."
    if report.verdict == "fault":
        still = served if report.parent else "What was served before still is."
        return f"The night broke off before its end, and published nothing. {still}"
    return f"Nothing was published. {served}"


def quality(report: NightReport) -> list[Figure]:
    """Give the hit rate beside that of the serving model, now and in its own night."""
    replayed = judgement(report, "replay")
    figures = {
        made.name: _figure(made.name, made.figures[METRIC])
        for made in (replayed.ways if replayed else ())
        if METRIC in made.figures
    }
    if report.last_hit_rate is not None:
        own = report.last_hit_rate
        figures["last"] = Figure("last", capital(_LAST), figure(METRIC, own), "")
    order = ("candidate", "serving", "last", "popularity")
    return [figures[name] for name in order if name in figures]


def _figure(name: str, found: Interval) -> Figure:
    return Figure(name, capital(way(name)), figure(METRIC, found.mean), span(METRIC, found))


def compared(report: NightReport) -> str:
    """Say how the new model does beside the serving one; empty if they weren't compared."""
    replayed = judgement(report, "replay")
    serving = replayed.way("serving") if replayed else None
    if serving is None or METRIC not in serving.less_candidate:
        return ""
    gap = serving.less_candidate[METRIC]
    lead = Interval(-gap.mean, -gap.high, -gap.low)
    sure = f"95 %: {bounds(METRIC, lead)}"
    if not is_clear(lead):
        return f"No clear difference from the serving model ({sure} percentage points)."
    better = "Better" if lead.mean > 0 else "Worse"
    points = difference(METRIC, abs(lead.mean))[1:]
    return f"{better} than the serving model by {points} percentage points ({sure})."


def dropped(report: NightReport) -> str:
    """Say how many rows could not be used, and what else was left out."""
    data = report.data
    if data is None:
        return "The data was not read to its end."
    if not data.rows:
        return "There were no rows."
    lost = sum(data.dropped.values())
    told = f"{number(lost)} of {number(data.rows)} rows"
    told += f" ({percent(lost / data.rows)})" if lost else ""
    left_out = [f"{reason}: {number(count)}" for reason, count in data.left_out.items() if count]
    return f"{told}. Left out too: {'; '.join(left_out)}." if left_out else f"{told}."


def took(report: NightReport) -> str:
    """Say how long the night took, what took longest, and how much memory it held."""
    told = duration(report.seconds)
    if not report.stages:
        return f"{told}."
    longest = slowest(report)
    peak = memory(max(stage.peak_mib for stage in report.stages))
    return f"{told}, at most {peak}. Longest: {longest.name}, {duration(longest.seconds)}."


def slowest(report: NightReport) -> StageFacts:
    """Find the stage that took longest."""
    return max(report.stages, key=lambda stage: stage.seconds)


def refreshed(report: NightReport) -> str:
    """Say what became of the lists; empty without a refresh."""
    counts = ((name, count) for name, count in report.refreshed.items() if count)
    return ", ".join(f"{number(count)} {_REFRESHED.get(name, name)}" for name, count in counts)


def reasons_title(report: NightReport) -> str:
    """Say what the reasons are reasons for."""
    if report.verdict != "published":
        return "Why"
    forced = report.gate and report.gate.forced_by
    return "What spoke against it" if forced else "What went wrong after it was published"


def reasons(report: NightReport) -> list[str]:
    """Give all reasons, the gate's among them, each once."""
    gate = report.gate.reasons if report.gate else ()
    return list(dict.fromkeys((*report.reasons, *gate)))
