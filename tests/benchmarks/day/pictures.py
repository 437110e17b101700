"""Pictures of the day's benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tests.benchmarks.svg import COLOURS, Axis, Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.svg import Point

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
