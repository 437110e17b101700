"""The pages of the demo: what the night found, and what the day came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.night import Figures


class Day(NamedTuple):
    """What the day came to.

    Attributes
    ----------
    sent, reflected
        Events that went in, and those that the histories in Redis hold in the end.
    broken, dead_letters
        Broken events that were sent on purpose, and dead letters that were written.
    paced_s, all_s
        Latency of each event in the paced part and at full speed, in seconds.
    paced_per_second, per_second
        Events per second that were asked for in the paced part, and that came through at full
        speed.
    liked
        Events that count for the hit rate: somebody took to a video that the model may list.
    served, left_alone, popularity
        Hit rate at 10 of the lists that had just been served, of last night's lists, and of
        the popular videos.
    """

    sent: int
    reflected: int
    broken: int
    dead_letters: int
    paced_s: Sequence[float]
    all_s: Sequence[float]
    paced_per_second: float
    per_second: float
    liked: int
    served: float
    left_alone: float
    popularity: float


def quality_page(figures: Figures) -> Table:
    """Draw how good the night's lists are, next to popularity."""
    table = Table(
        title=f"Judged on {figures.replayed:,} of the newest events", title_justify="left"
    )
    table.add_column("")
    for column in ("HR@10", "MRR@10"):
        table.add_column(column, justify="right")
    names = {
        "live": "lists that follow every click",
        "left_alone": "lists of the night, left alone",
        "popularity": "popularity",
    }
    for key, name in names.items():
        scores = figures.replay[key]
        table.add_row(name, f"{scores['hit_rate']:.3f}", f"{scores['mrr']:.3f}")
    if figures.unseen:
        table.add_section()
        table.add_row("[dim]users the model never saw[/]", "[dim]NDCG@100[/]", "[dim]Recall@20[/]")
        for key, name in (("model", "model"), ("popularity", "popularity")):
            scores = figures.unseen[key]
            table.add_row(name, f"{scores['ndcg@100']:.3f}", f"{scores['recall@20']:.3f}")
    return table


def last_page(day: Day) -> Table:
    """Draw what went in, what came out, how fast, and what it was worth."""
    table = Table(title="The day", title_justify="left", show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("events sent", f"{day.sent:,}")
    table.add_row("of them reflected in Redis", f"{day.reflected:,}")
    table.add_row(
        f"dead letters ({day.broken} broken events were sent on purpose)", f"{day.dead_letters}"
    )
    table.add_section()
    paced = f"event to list at {day.paced_per_second:g} events/s, p50 / p99"
    table.add_row(paced, _milliseconds(day.paced_s))
    table.add_row("events per second at full speed", f"{day.per_second:,.0f}")
    table.add_row("event to list at full speed, p50 / p99", _milliseconds(day.all_s))
    table.add_section()
    table.add_row(f"the next liked video was in the top 10, of {day.liked:,}", "HR@10")
    table.add_row("  [bold]in the list that had just been served[/]", f"[bold]{day.served:.3f}[/]")
    table.add_row("  in last night's list, left alone", f"{day.left_alone:.3f}")
    table.add_row("  in the popular videos", f"{day.popularity:.3f}")
    return table


def _milliseconds(seconds: Sequence[float]) -> str:
    p50, p99 = np.quantile(np.array(seconds), (0.5, 0.99)) * 1000 if seconds else (0.0, 0.0)
    return f"{p50:.1f} / {p99:.1f} ms"
