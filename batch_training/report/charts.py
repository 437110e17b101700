"""Charts: geometry for the page's drawings; the template turns it into SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from batch_training.judgements import Interval
from batch_training.report.words import number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# The inside of a line chart, in the units of its viewBox.
LEFT: Final = 52
RIGHT: Final = 408
TOP: Final = 12
BOTTOM: Final = 178
_GREATEST: Final = 1e100  # beyond it lies no measurement, and arithmetic may overflow


class Bar(NamedTuple):
    """One bar; lengths in percent of the width.

    Attributes
    ----------
    key
        What is drawn, such as the name of a way; decides the colour.
    whisker
        The interval's bounds, if there is one.
    """

    key: str
    label: str
    text: str
    end: float
    whisker: tuple[float, float] | None


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float
    text: str


class Line(NamedTuple):
    """One line; ``points`` are x and y in the chart's units."""

    key: str
    points: list[tuple[float, float]]
    last: str


class LineChart(NamedTuple):
    """A chart with lines."""

    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def bars(
    rows: Iterable[tuple[str, str, Interval | float]],
    text: Callable[[float], str],
    greatest: float | None = None,
) -> list[Bar]:
    """Draw bars from 0 on one scale.

    Parameters
    ----------
    rows
        Key, label and value; what is no number is left out.
    text
        Writes a value.
    greatest
        What the full width stands for; the greatest value or bound if None.
    """
    known = [(key, label, _interval(value)) for key, label, value in rows]
    known = [row for row in known if _is_whole(row[2])]
    top = greatest or max((row[2].high for row in known), default=0.0)

    def place(value: float) -> float:
        return round(min(100.0, max(0.0, 100 * value / top)), 2) if top > 0 else 0.0

    return [
        Bar(
            key,
            label,
            text(value.mean),
            place(value.mean),
            (place(value.low), place(value.high)) if value.high > value.low else None,
        )
        for key, label, value in known
    ]


def greatest_bound(intervals: Iterable[Interval]) -> float:
    """Give the scale that several charts can share."""
    return max((i.high for i in intervals if _is_whole(i)), default=0.0)


def steps_chart(points: Sequence[tuple[int, float]], *, share: bool) -> LineChart | None:
    """Draw a value, or a share in percent, over the iterations; None if there is nothing."""
    sane = [(float(x), y) for x, y in points if _is_sane(x, y)]
    if not sane:
        return None
    x_low, x_high = 0.0, max(1.0, *(x for x, _ in sane))
    steps = _nice(min(y for _, y in sane), max(y for _, y in sane))
    inside = [
        (_along(x, x_low, x_high, LEFT, RIGHT), _along(y, steps[0], steps[-1], BOTTOM, TOP))
        for x, y in sane
    ]
    return LineChart(
        [Line("candidate", inside, percent(sane[-1][1]) if share else number(sane[-1][1]))],
        [
            Tick(_along(x, x_low, x_high, LEFT, RIGHT), f"{x:.0f}")
            for x in _nice(x_low, x_high)
            if x <= x_high and x == int(x)
        ],
        [Tick(_along(y, steps[0], steps[-1], BOTTOM, TOP), _tick(y, share=share)) for y in steps],
    )


def popularity_chart(curves: Mapping[str, Sequence[float]]) -> LineChart | None:
    """Draw which share of the places goes to the most popular videos; both axes in percent.

    The x axis is logarithmic, as nearly all happens on its first tenth.
    """
    lines = [
        Line(key, _curve(shares), percent(shares[0]))
        for key, shares in curves.items()
        if shares and _is_sane(*shares)
    ]
    if not lines:
        return None
    return LineChart(
        lines,
        [Tick(_of_hundred(x), f"{x}\N{NO-BREAK SPACE}%") for x in (1, 2, 5, 10, 20, 50, 100)],
        [
            Tick(_along(y, 0, 100, BOTTOM, TOP), f"{y}\N{NO-BREAK SPACE}%")
            for y in range(0, 101, 25)
        ],
    )


def _tick(value: float, *, share: bool) -> str:
    return f"{100 * value:,.6g}\N{NO-BREAK SPACE}%" if share else f"{value:,.6g}"


def _curve(shares: Sequence[float]) -> list[tuple[float, float]]:
    return [
        (_of_hundred(100 * number / len(shares)), _along(share, 0, 1, BOTTOM, TOP))
        for number, share in enumerate(shares, start=1)
    ]


def _of_hundred(share: float) -> float:
    """Place 1 % to 100 % on a logarithmic axis."""
    return _along(math.log10(max(1.0, share)), 0, 2, LEFT, RIGHT)


def _along(value: float, low: float, high: float, start: float, end: float) -> float:
    return round(start + (end - start) * (value - low) / (high - low), 1)


def _nice(low: float, high: float) -> list[float]:
    """Give round numbers, evenly spaced, whose first and last enclose the range."""
    width = high - low
    if width <= 1e-6 * max(abs(low), abs(high)):  # as good as one number
        low, width = low - (abs(low) or 1.0) / 2, abs(low) or 1.0
    power = 10.0 ** math.floor(math.log10(width / 4))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= width / 4)
    first, last = math.floor(low / step), math.ceil((low + width) / step)
    return [place * step for place in range(first, last + 1)]


def _interval(value: Interval | float) -> Interval:
    return value if isinstance(value, Interval) else Interval(value, value, value)


def _is_whole(interval: Interval) -> bool:
    return _is_sane(interval.mean, interval.low, interval.high)


def _is_sane(*values: float) -> bool:
    return all(math.isfinite(value) and abs(value) < _GREATEST for value in values)
