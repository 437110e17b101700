"""A plain drawing of points in two dimensions, as an SVG."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLOURS: Final = ("#0072b2", "#d98200", "#00916a", "#7a5bc7", "#c2456d", "#566373")
# The picture, and the inside of it, in the units of its viewBox.
_WIDTH, _HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 560, 56, 320
_GREY: Final = "#566373"
_FEW: Final = 4  # powers of 10
_LINE: Final = 17  # least distance between two labels
FRAME: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
font-family="sans-serif" font-size="14" fill="#16202c">
<rect width="{width}" height="{height}" fill="#fff"/>
<text x="24" y="30" font-size="16">{title}</text>
{parts}
</svg>
"""

Point = tuple[float, float]


class Axis(NamedTuple):
    """One axis.

    Attributes
    ----------
    name
        What it counts.
    first, last
        The values at its ends.
    log
        Whether equal distances are equal ratios.
    """

    name: str
    first: float
    last: float
    log: bool = False

    def share(self, value: float) -> float:
        """Tell how far along the axis a value lies: 0 to 1 between its ends."""
        first, last, value = (
            map(math.log10, (self.first, self.last, max(value, self.first)))
            if self.log
            else (self.first, self.last, value)
        )
        return min(1.0, max(0.0, (value - first) / (last - first)))

    def ticks(self) -> list[float]:
        """Give round values along the axis: steps of 1, 2 or 5, or powers of 10."""
        if self.log:
            powers = range(math.floor(math.log10(self.first)), math.ceil(math.log10(self.last)))
            steps = (1, 2, 5) if len(powers) < _FEW else (1,)
            values = [s * 10.0**power for power in (*powers, powers.stop) for s in steps]
            return [value for value in values if self.first <= value <= self.last]
        width = self.last - self.first
        step = next(
            s * 10.0**power
            for power in range(-6, 12)
            for s in (1, 2, 5)
            if width <= 6 * s * 10.0**power
        )
        count = range(math.ceil(self.first / step), math.floor(self.last / step) + 1)
        return [round(number * step, 6) for number in count]


class Plot:
    """A picture with two axes, to which lines and dots are added.

    Parameters
    ----------
    title
        What it shows.
    x, y
        Its axes.
    """

    def __init__(self, title: str, x: Axis, y: Axis) -> None:
        self._title = title
        self._x = x
        self._y = y
        self._parts = [*map(self._rule, y.ticks()), *map(self._mark, x.ticks())]
        self._parts.append(_text(_RIGHT, _BOTTOM + 44, x.name, "end"))
        self._parts.append(_text(_LEFT, _TOP - 10, y.name, "start"))
        self._labels: list[tuple[float, str, str]] = []

    def line(self, points: Sequence[Point], colour: str, label: str, *, dots: bool = True) -> None:
        """Draw a line through points, with its label where it ends."""
        places = [self._place(point) for point in points]
        along = " ".join(f"{x},{y}" for x, y in places)
        self._parts.append(
            f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        if dots:
            self.dots(points, colour, 3.5)
        self._labels.append((places[-1][1], label, colour))

    def dots(self, points: Iterable[Point], colour: str, radius: float = 1.4) -> None:
        """Draw points that stand for themselves."""
        places = map(self._place, points)
        self._parts += [
            f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}"/>' for x, y in places
        ]

    def level(self, value: float, colour: str, label: str) -> None:
        """Draw a dotted line at a height, such as a goal."""
        y = self._place((self._x.first, value))[1]
        self._parts.append(
            f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}" stroke="{colour}" '
            'stroke-dasharray="2 4"/>'
        )
        self._labels.append((y, label, colour))

    def label(self, value: float, text: str, colour: str) -> None:
        """Write beside a height."""
        self._labels.append((self._place((self._x.first, value))[1], text, colour))

    def svg(self) -> str:
        """Give the picture."""
        lowest, labels = float(_BOTTOM + _LINE), []
        for y, text, colour in sorted(self._labels, reverse=True):
            lowest = min(y + 5, lowest - _LINE)
            labels.append(_text(_RIGHT + 12, lowest, text, "start", colour))
        parts = "\n".join([*self._parts, *labels])
        return FRAME.format(width=_WIDTH, height=_HEIGHT, title=escape(self._title), parts=parts)

    def _place(self, point: Point) -> Point:
        x = _LEFT + (_RIGHT - _LEFT) * self._x.share(point[0])
        y = _BOTTOM - (_BOTTOM - _TOP) * self._y.share(point[1])
        return round(x, 1), round(y, 1)

    def _rule(self, value: float) -> str:
        y = self._place((self._x.first, value))[1]
        line = f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}" stroke="#dde2e8"/>'
        return line + _text(_LEFT - 8, y + 5, f"{value:,g}", "end")

    def _mark(self, value: float) -> str:
        return _text(self._place((value, self._y.first))[0], _BOTTOM + 22, f"{value:,g}", "middle")


def _text(x: float, y: float, text: str, anchor: str, colour: str = _GREY) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
