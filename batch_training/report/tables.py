"""Tables: what stands beside what on the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from batch_training.report.words import NOTHING, by_importance, change, moment, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch_training.judgements import Judgement, Quality
    from batch_training.night_report import DataFacts, SampleUser

_TITLES_SHOWN: Final = 20
_LEAST_SHARE: Final = 0.0001  # of what is written as a percentage


class Compared(NamedTuple):
    """A fact of last night beside tonight's."""

    name: str
    before: str
    now: str
    change: str


class Title(NamedTuple):
    """One title of a list, and whether the list beside it lacks it."""

    text: str
    is_new: bool


def metrics_of(*judgements: Judgement) -> list[str]:
    """Give the metrics that any way was measured by, most important first."""
    return by_importance({key for j in judgements for way in j.ways for key in way.figures})


def paired_with(judgement: Judgement) -> tuple[list[Quality], list[str]]:
    """Give the ways that were compared with the candidate, and by what."""
    ways = [way for way in judgement.ways if way.less_candidate]
    return ways, by_importance({key for way in ways for key in way.less_candidate})


def drift(now: DataFacts, last: DataFacts | None) -> list[Compared]:
    """Put the data beside last night's."""
    names = {
        "rows": "Rows",
        "events": "Usable events",
        "users": "Users",
        "videos": "Videos",
        "pairs": "Pairs of user and video",
    }
    rows = [
        _counted(name, getattr(last, key) if last else None, getattr(now, key))
        for key, name in names.items()
    ]
    rows += [
        _counted(
            f"Events: {kind}", last.kinds.get(kind, 0) if last else None, now.kinds.get(kind, 0)
        )
        for kind in dict.fromkeys([*now.kinds, *(last.kinds if last else {})])
    ]
    rows += _watch_ratios(now, last)
    for name, key in (("Oldest event", "oldest_at"), ("Newest event", "newest_at")):
        before = moment(getattr(last, key)) if last else NOTHING
        rows.append(Compared(name, before, moment(getattr(now, key)), ""))
    return rows


def _counted(name: str, before: float | None, now: float) -> Compared:
    if before is None:
        return Compared(name, NOTHING, number(now), "")
    return Compared(name, number(before), number(now), change(before, now))


def _watch_ratios(now: DataFacts, last: DataFacts | None) -> Iterator[Compared]:
    shares = ("10 %", "50 %", "90 %")
    before = last.watch_ratio if last else ()
    for place, (share, ratio) in enumerate(zip(shares, now.watch_ratio, strict=False)):
        yield _counted(
            f"Watch ratio: {share} are below", before[place] if place < len(before) else None, ratio
        )


def counted(counts: dict[str, int], of: int = 0) -> list[tuple[str, ...]]:
    """Give reasons with their counts, and their shares of a whole; the most frequent first."""
    return [
        (reason, number(count), *([_share(count, of)] if of else []))
        for reason, count in sorted(counts.items(), key=lambda item: -item[1])
    ]


def _share(count: int, of: int) -> str:
    return (
        percent(count / of)
        if not count or count / of >= _LEAST_SHARE
        else f"< {percent(_LEAST_SHARE)}"
    )


def titles(shown: Sequence[str], beside: Sequence[str] | None = None) -> list[Title]:
    """Give the first titles of a list, and mark those that the list beside it lacks."""
    known = set(shown if beside is None else beside)
    return [Title(text, text not in known) for text in shown[:_TITLES_SHOWN]]


def new_titles(user: SampleUser) -> int:
    """Count the titles that only the new list holds."""
    return len(set(user.after) - set(user.before))


def flat(settings: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Give nested settings as dotted names and values."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", _plain(value)))
    return rows


def _plain(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or NOTHING
    return str(value)
