"""The screen of the day: a few viewers, what just came in, their lists before and after."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from rich.columns import Columns
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from data.catalogue import Catalogue
    from data.interaction import Interaction
    from data.up_next import Listed
    from deploy.demo.traffic import Arrival

VIEWERS: Final = 3
_LISTED: Final = 6
_REDRAW_S: Final = 0.25
_CHANGE_VIEWERS_S: Final = 2.5
_PLAIN_S: Final = 10.0
_RECENT: Final = 2_000


class Screen:
    """Shows arrivals as they come; plain lines now and then where there is no terminal.

    Parameters
    ----------
    console
        Where to draw.
    catalogue
        Titles.
    version
        Of the model that serves.
    total
        Events that will be sent.
    """

    def __init__(self, console: Console, catalogue: Catalogue, version: str, total: int) -> None:
        self._console = console
        self._catalogue = catalogue
        self._version = version
        self._total = total
        self._done = 0
        self._start = self._drawn = self._changed = time.perf_counter()
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._candidates: dict[str, Arrival] = {}
        self._shown: list[Arrival] = []
        self._live = (
            Live(console=console, auto_refresh=False, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def arrived(self, arrival: Arrival) -> None:
        """Take note of an event that its user's list now knows."""
        self._done += 1
        self._recent.append(arrival.latency_s)
        if arrival.before is not None and arrival.before.personal:
            self._candidates[arrival.event.user] = arrival

    def draw(self) -> None:
        """Draw again if it is time to."""
        now = time.perf_counter()
        if now - self._changed > _CHANGE_VIEWERS_S or len(self._shown) < VIEWERS:
            self._shown = list(self._candidates.values())[-VIEWERS:]
            self._candidates.clear()
            self._changed = now
        wait = _REDRAW_S if self._live else _PLAIN_S
        if now - self._drawn < wait or not self._recent:
            return
        self._drawn = now
        if self._live:
            self._live.update(self._picture(now), refresh=True)
        else:
            self._console.print(f"  {self._status(now)}", highlight=False)
            for arrival in self._shown[:1]:
                self._console.print(self._viewer(arrival))

    def _status(self, now: float) -> str:
        p50, p99 = np.quantile(np.array(self._recent), (0.5, 0.99)) * 1000
        return (
            f"{self._done:,} of {self._total:,} events · "
            f"{self._done / (now - self._start):,.0f} events/s · "
            f"event to list p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        )

    def _picture(self, now: float) -> Group:
        viewers = Columns([self._viewer(arrival) for arrival in self._shown], equal=True)
        model = f"  model {self._version}"
        return Group(
            Text(f"  {self._status(now)}", style="bold"), Text(model, style="dim"), viewers
        )

    def _viewer(self, arrival: Arrival) -> Panel:
        """One viewer: what came in, and the list before and after."""
        table = Table(box=None, padding=(0, 1), expand=True)
        table.add_column("up next, before", ratio=1, no_wrap=True)
        table.add_column("and after", ratio=1, no_wrap=True)
        before = arrival.before.items[:_LISTED] if arrival.before else ()
        after = arrival.after.items[:_LISTED]
        for old, new in zip(before, after, strict=False):
            table.add_row(self._title(old, after), self._title(new, before, new="green"))
        return Panel(
            table,
            title=f"{arrival.event.user}: {self._said(arrival.event)}",
            subtitle=f"{arrival.latency_s * 1000:.1f} ms",
            border_style="cyan",
        )

    def _title(self, item: Listed, others: Sequence[Listed], new: str = "dim") -> Text:
        """Give a title, in colour when the other list doesn't have it."""
        both = any(item.id == other.id for other in others)
        return Text(self._catalogue.title(item.id), style="" if both else new)

    def _said(self, event: Interaction) -> str:
        title = self._catalogue.title(event.video)
        if event.rating is not None:
            return f"{event.rating:g} stars for {title}"
        if event.watch_ratio is not None:
            return f"watched {event.watch_ratio:.0%} of {title}"
        return f"{event.kind}: {title}"
