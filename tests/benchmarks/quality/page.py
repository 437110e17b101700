"""Page: the measured part of ``docs/quality.md``, between its markers, and its pictures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tests.benchmarks.quality.picture import drawing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from batch_training.judgements import Interval
    from tests.benchmarks.quality.found import Found, Row

PAGE: Final = "quality.md"
_MARKED: Final = re.compile(
    r"(?<=<!-- quality-output -->\n).*?(?=<!-- /quality-output -->)", re.DOTALL
)


def write(founds: Sequence[Found], docs: Path) -> None:
    """Renew the measured part of the page, and the pictures beside it."""
    page = docs / PAGE
    text, count = _MARKED.subn(lambda _: "\n".join(map(section, founds)), page.read_text())
    if count != 1:
        msg = f"{page} must have one pair of markers <!-- quality-output -->; it has {count}"
        raise ValueError(msg)
    page.write_text(text)
    for found in founds:
        (docs / _picture(found)).write_text(drawing(found))


def section(found: Found) -> str:
    """Write one protocol: its title, picture, table and settings."""
    more = list(found.rows[0].more)
    costs = any(any(row.cost) for row in found.rows)
    head = ["", f"{found.metric} (95 %)", *more]
    head += ["CPU s to train", "bytes a video", "µs a list"] if costs else []
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    lines += [_cells(row, more, costs=costs) for row in found.rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    picture = f"![{found.title}, {found.metric} of each way as bars]({_picture(found)})"
    return f"### {found.title}\n\n{picture}\n\n{table}\n\nSettings: {found.settings}.\n"


def _picture(found: Found) -> str:
    return f"quality-{found.name}.svg"


def _cells(row: Row, more: Sequence[str], *, costs: bool) -> list[str]:
    cells = [f"**{row.name}**" if row.key == "candidate" else row.name, _figure(row.figure)]
    cells += [_difference(row.more[name]) for name in more]
    return cells + [_cost(value) for value in row.cost] if costs else cells


def _figure(found: Interval) -> str:
    return f"{found.mean:.4f} ({found.low:.4f}–{found.high:.4f})"


def _difference(found: Interval | None) -> str:
    if found is None:
        return ""
    told = f"{found.mean:+.4f} ({found.low:+.4f} … {found.high:+.4f})"
    return told if found.low > 0 or found.high < 0 else f"*{told}*"


def _cost(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if value < 10 else f"{value:,.0f}"
