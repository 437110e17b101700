"""Drawings of how nights grow: bars for a terminal, and an SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHADES: Final = "█▓▒░"
_COLOURS: Final = ("#0072b2", "#d98200", "#00916a", "#7a5bc7")
_BAR: Final = 60  # characters of the longest bar
# The picture, and the inside of it, in the units of its viewBox.
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 540, 56, 340
_LINE: Final = 17  # least distance between two labels
_MILLION: Final = 1_000_000
_SVG: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" \
font-family="sans-serif" font-size="14" fill="#16202c">
<rect width="{width}" height="{height}" fill="#fff"/>
<text x="24" y="30" font-size="16">CPU seconds of a night, by the interactions it reads</text>
{parts}
</svg>
"""


def bars(seconds: Mapping[int, Mapping[str, float]]) -> list[str]:
    """Draw the seconds for each million events, one bar a size, in shades by name.

    Parameters
    ----------
    seconds
        By events, then by name; the same names, at most four, for each.
    """
    each = {n: {k: _MILLION * s / n for k, s in taken.items()} for n, taken in seconds.items()}
    longest = max(sum(taken.values()) for taken in each.values())
    names = next(iter(each.values()))
    key = ", ".join(f"{shade} {name}" for shade, name in zip(_SHADES, names, strict=False))
    drawn = [key]
    for events, taken in each.items():
        parts = zip(_SHADES, taken.values(), strict=False)
        bar = "".join(shade * round(_BAR * value / longest) for shade, value in parts)
        drawn.append(f"{events / _MILLION:>4g} M {bar} {sum(taken.values()):.1f}")
    return drawn


def drawing(seconds: Mapping[int, Mapping[str, float]]) -> str:
    """Draw the seconds over the events as an SVG; dashed lines are straight, from zero on.

    Parameters
    ----------
    seconds
        As for `bars`.
    """
    most = max(seconds)
    names = list(seconds[most])
    step, top = _scale(max(seconds[most].values()))
    parts = [_rule(_y(value, top), f"{value:g} s") for value in range(0, top + 1, step)]
    parts += [_text(_x(n, most), _BOTTOM + 22, f"{n / _MILLION:g} M", "middle") for n in seconds]
    lowest = float(_BOTTOM + _LINE)
    for name in sorted(names, key=lambda name: seconds[most][name]):
        points = [(_x(n, most), _y(taken[name], top)) for n, taken in seconds.items()]
        lowest = min(points[-1][1] + 5, lowest - _LINE)
        label = f"{name}: {seconds[most][name]:.0f} s"
        parts += _line(points, _COLOURS[names.index(name)], label, lowest)
    return _SVG.format(width=_WIDTH, height=_HEIGHT, parts="\n".join(parts))


def _scale(greatest: float) -> tuple[int, int]:
    """Give a round step, of which at most six reach the greatest value, and where they end."""
    step = next(
        s * 10**power for power in range(9) for s in (1, 2, 5) if 6 * s * 10**power >= greatest
    )
    return step, -int(-greatest // step) * step


def _x(events: int, most: int) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * events / most, 1)


def _y(value: float, top: int) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * value / top, 1)


def _rule(y: float, label: str) -> str:
    line = f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}" stroke="#dde2e8"/>'
    return line + _text(_LEFT - 8, y + 5, label, "end")


def _line(points: list[tuple[float, float]], colour: str, label: str, label_y: float) -> list[str]:
    """Draw a line with its dots and its label, and the straight line that it should follow."""
    last_x, last_y = points[-1]
    along = " ".join(f"{x},{y}" for x, y in points)
    straight = f'x1="{_LEFT}" y1="{_BOTTOM}" x2="{last_x}" y2="{last_y}"'
    return [
        f'<line {straight} stroke="{colour}" stroke-dasharray="2 4"/>',
        f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="2.5"/>',
        *(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in points),
        _text(_RIGHT + 12, label_y, label, "start", colour),
    ]


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#566373") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
