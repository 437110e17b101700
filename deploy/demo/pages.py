"""The pages of the demo: what the night found, and what the day came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from rich.table import Table

from batch_training.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.judgements import Ladder

_BAR: Final = 12  # characters of the longest bar
_PARTS: Final = """\
Live: the lists follow every event. Recency: the newest videos count most.
Prior: what is popular now gets a lift. Follow-ups: what people watch next gets one."""


class Pace(NamedTuple):
    """The paced part: events per second, and how many."""

    per_second: float
    events: int


class Seen(NamedTuple):
    """What was seen of the live traffic.

    Attributes
    ----------
    hits
        Place in the list served before, of each (user, time); only those in the top 10.
    paced_s, all_s
        Latencies, in seconds.
    fast_s
        How long the part at full speed took, in seconds.
    """

    hits: set[tuple[str, int]]
    paced_s: list[float]
    all_s: list[float]
    fast_s: float


class Counted(NamedTuple):
    """What went in and what came of it.

    Attributes
    ----------
    sent, reflected
        Events that went in, and those that the histories in Redis hold in the end.
    broken, dead_letters
        Broken events that were sent on purpose, and dead letters that the worker wrote.
    """

    sent: int
    reflected: int
    broken: int
    dead_letters: int


class Compared(NamedTuple):
    """What the lists were worth.

    Attributes
    ----------
    liked
        Events that were looked at, drawn from those in which somebody took to a video that the
        model may list.
    served, left_alone, popularity
        Hit rate at 10 of the lists that had just been served, of last night's lists, and of
        the popular videos.
    ladder
        What each part of the model brings, on some of the same events.
    """

    liked: int
    served: float
    left_alone: float
    popularity: float
    ladder: Ladder | None


def last_page(seen: Seen, counted: Counted, compared: Compared, pace: Pace) -> Table:
    """Draw what went in, what came out, how fast, and what it was worth."""
    table = Table(title="The day", title_justify="left", show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("events sent", f"{counted.sent:,}")
    table.add_row("  of them reflected in Redis", f"{counted.reflected:,}")
    table.add_row(f"dead letters (broken on purpose: {counted.broken})", f"{counted.dead_letters}")
    table.add_section()
    paced = f"event to list at {pace.per_second:g} events/s, p50 / p99"
    table.add_row(paced, _milliseconds(seen.paced_s))
    table.add_row("events per second at full speed", f"{len(seen.all_s) / seen.fast_s:,.0f}")
    table.add_row("event to list at full speed, p50 / p99", _milliseconds(seen.all_s))
    table.add_section()
    table.add_row(f"the next liked video stood in the top 10 ({compared.liked:,} drawn)", "HR@10")
    table.add_row("  of the list that had just been served", f"[bold]{compared.served:.3f}[/]")
    table.add_row("  of last night's list, left alone", f"{compared.left_alone:.3f}")
    table.add_row("  of the popular videos", f"{compared.popularity:.3f}")
    return table


def ladder_page(ladder: Ladder) -> Table:
    """Draw what each part of the model brings, as bars."""
    title = f"What each part brings: the next liked video in the top 10, {ladder.cases:,} drawn"
    table = Table(title=title, title_justify="left", caption=_PARTS, caption_justify="left")
    for column in ("", "HR@10", "", "more than live (95 %)"):
        table.add_column(column, justify="right" if column else "left")
    most = max(rung.figure.mean for rung in ladder.rungs)
    for rung in ladder.rungs:
        style = "bold" if rung.name == "candidate" else ""
        bar = "█" * round(_BAR * rung.figure.mean / most) if most else ""
        more = rung.over_live
        told = f"{more.mean:+.3f} ({more.low:+.3f} … {more.high:+.3f})"
        name = words.rung(rung.name, ladder.parts).partition(":")[0]
        told = "" if rung.name == "live" else told
        table.add_row(words.capital(name), f"{rung.figure.mean:.3f}", bar, told, style=style)
    return table


def _milliseconds(seconds: Sequence[float]) -> str:
    p50, p99 = np.quantile(np.array(seconds), (0.5, 0.99)) * 1000 if seconds else (0.0, 0.0)
    return f"{p50:.1f} / {p99:.1f} ms"
