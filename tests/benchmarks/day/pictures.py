"""Pictures of the day's benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tests.benchmarks.svg import COLOURS, Axis, Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.svg import Point

DOCS: Final = Path(__file__).parents[3] / "docs"
_LONGEST: Final = 500  # ms


def latencies(named: Mapping[str, Sequence[Point]]) -> str:
    """Draw a histogram of latencies for each load, from (second, ms)."""
    edges = np.geomspace(1, _LONGEST, 61)
    shares = {
        name: 100
        * np.histogram([min(ms, 0.999 * _LONGEST) for _, ms in seen], edges)[0]
        / len(seen)
        for name, seen in named.items()
    }
    most = max(share.max() for share in shares.values())
    plot = Plot(
        "Latency, from the producer's timestamp to the list in Redis",
        Axis("ms (what took longer stands at the end)", 1, _LONGEST, log=True),
        Axis("% of the events", 0, most),
    )
    for colour, (name, share) in zip(COLOURS, shares.items(), strict=False):
        steps = [
            (edge, value)
            for first, last, value in zip(edges, edges[1:], share.tolist(), strict=False)
            for edge in (first, last)
        ]
        plot.line(steps, colour, "", dots=False)
        plot.label(float(share.max()), name, colour)
    return plot.svg()


def over_time(named: Mapping[str, Sequence[Point]]) -> str:
    """Draw each event's latency by the second it was sent in."""
    last = max(second for seen in named.values() for second, _ in seen)
    plot = Plot(
        "Latency of each event over time",
        Axis("seconds", 0, last),
        Axis("ms", 1, 1000, log=True),
    )
    for colour, (name, seen) in zip(COLOURS, named.items(), strict=False):
        plot.dots(seen[:: 1 + len(seen) // 3000], colour)
        plot.label(float(np.median([ms for _, ms in seen])), name, colour)
    return plot.svg()


def by_videos(rates: Mapping[str, Sequence[Point]]) -> str:
    """Draw events/s over videos, a line for each number of users in flight."""
    most = max(rate for points in rates.values() for _, rate in points)
    plot = Plot(
        "Events per second at saturation, by the videos of the model",
        Axis("videos", 500, 400_000, log=True),
        Axis("events/s", 10, 10 ** np.ceil(np.log10(most)), log=True),
    )
    for colour, (name, points) in zip(COLOURS, rates.items(), strict=False):
        plot.line(points, colour, name)
    return plot.svg()


def by_batch(points: Sequence[Point]) -> str:
    """Draw events/s over the most events of a batch."""
    most = max(rate for _, rate in points)
    plot = Plot(
        "Events per second at saturation, by the most events of a batch",
        Axis("events a batch", 1, 1000, log=True),
        Axis("events/s", 0, 1.1 * most),
    )
    plot.line(points, COLOURS[0], f"{points[-1][1]:,.0f} events/s")
    return plot.svg()


def soak(points: Sequence[Point]) -> str:
    """Draw the worker's memory over the events it has seen."""
    plot = Plot(
        "Memory of a worker over its events",
        Axis("events", 0, max(events for events, _ in points)),
        Axis("MiB", 0, 1.2 * max(size for _, size in points)),
    )
    plot.line(points, COLOURS[0], f"{points[-1][1]:.0f} MiB", dots=False)
    return plot.svg()
