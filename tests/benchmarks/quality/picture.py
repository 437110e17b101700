"""Picture: one protocol as bars with their intervals, an SVG for the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from batch_training.report import charts
from tests.benchmarks.svg import FRAME

if TYPE_CHECKING:
    from batch_training.report.charts import Bar
    from tests.benchmarks.quality.found import Found

# In the units of the viewBox: bars begin at _LEFT and are at most _LONGEST long.
_WIDTH, _LEFT, _LONGEST = 860, 350, 430
_ROW, _TOP = 30, 56
_OWN: Final = ("live", "recency", "prior", "follow_ups", "follow_ups_alone", "everything")


def drawing(found: Found) -> str:
    """Draw what each way is worth; the whiskers are 95 % intervals."""
    rows = [(row.key, row.name.partition(":")[0], row.figure) for row in found.rows]
    bars = charts.bars(rows, "{:.3f}".format)
    drawn = [_row(bar, _TOP + _ROW * place) for place, bar in enumerate(bars)]
    title = escape(f"{found.title}: {found.metric}")
    height = _TOP + _ROW * len(bars) + 8
    return FRAME.format(width=_WIDTH, height=height, title=title, parts="\n".join(drawn))


def _row(bar: Bar, y: int) -> str:
    length, fill = round(_LONGEST * bar.end / 100, 1), _colour(bar.key)
    return "".join(
        [
            f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{_LEFT}" y="{y + 2}" width="{length}" height="18" fill="{fill}"/>',
            _whisker(bar.whisker, y + 11) if bar.whisker else "",
            f'<text x="{_WIDTH - 24}" y="{y + 15}" text-anchor="end">{bar.text}</text>',
        ]
    )


def _whisker(bounds: tuple[float, float], y: int) -> str:
    low, high = (round(_LEFT + _LONGEST * bound / 100, 1) for bound in bounds)
    ends = f"M{low} {y - 4}v8M{low} {y}H{high}M{high} {y - 4}v8"
    return f'<path d="{ends}" stroke="#16202c" fill="none"/>'


def _colour(key: str) -> str:
    if key == "candidate":
        return "#0072b2"
    return "#7db4d6" if key in _OWN else "#9aa5b1"
