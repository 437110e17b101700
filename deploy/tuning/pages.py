"""Pages: what a search has found, as tables in the terminal and as a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table

from batch_training.training.flat import flat_values
from batch_training.tuning.parts import PARTS
from deploy.tuning.tuned_file import tuned_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_training.judgements import Interval
    from batch_training.training.flat import Value
    from deploy.tuning.run import Found

_BAR: Final = 10  # characters
_ROW, _LEFT, _WIDTH = 24, 190, 640  # of the drawing, in its own units


def settings_table(found: Found) -> Table:
    """Draw the best settings beside the defaults, with how much each parameter mattered."""
    bench, standing = found.bench, found.standing
    table = Table(
        title=f"{bench.metric} on {len(bench.users):,} lists ({bench.protocol}); "
        f"{standing.done} trials, {standing.pruned} given up early",
        title_justify="left",
        caption="What mattered: share of the differences between the trials (PED-ANOVA)"
        if found.importance
        else None,
    )
    table.add_column("", no_wrap=True)
    for name in ("defaults", "found"):
        table.add_column(name, justify="right")
    table.add_column("what mattered")
    defaults, reached, gain = found.worths
    table.add_row(
        bench.metric, _told(defaults), f"{_told(reached)}\n{_signed(gain)}", end_section=True
    )
    before, after = flat_values(found.base), tuned_values(found)
    importance = _importance(found)
    most = max(importance.values(), default=0.0)
    for p in found.space.parameters:
        share = importance.get(p.name, 0.0)
        bar = "█" * round(_BAR * share / most) + f" {share:.0%}" if p.name in importance else ""
        table.add_row(p.setting, _text(before[p.setting]), _shown(after, p.setting), bar)
    return table


def _importance(found: Found) -> dict[str, float]:
    """Give the importance of what has a say; nothing of a part that is switched off has one."""
    values = tuned_values(found)
    shown = {p.name for p in found.space.parameters if p.setting in values}
    return {name: share for name, share in found.importance.items() if name in shown}


def _shown(values: Mapping[str, Value], name: str) -> str:
    """Write a value; nothing for one that has no say as its part is switched off."""
    return _text(values[name]) if name in values else "–"


def parts_table(found: Found) -> Table:
    """Draw what each part of the best settings brings, and whether it is kept."""
    table = Table(
        title="Is each part worth it?",
        title_justify="left",
        caption="Kept if its gain is sure (the 95 % interval holds no 0) and at least 1 %",
    )
    for name in ("part", f"{found.bench.metric} more with it", ""):
        table.add_column(name)
    for gain in found.gains:
        kept = "[green]kept[/]" if gain.kept else "[yellow]switched off[/]"
        table.add_row(PARTS[gain.part], _signed(gain.gain), kept)
    return table


def importance_svg(found: Found) -> str:
    """Draw how much each parameter mattered, as bars."""
    rows = _importance(found)
    height = _ROW * (len(rows) + 2)
    most = max(rows.values(), default=0.0) or 1.0
    drawn = []
    for number, (name, share) in enumerate(rows.items()):
        top = _ROW * (number + 1.5)
        width = round((_WIDTH - _LEFT - 60) * share / most, 1)
        drawn += [
            f'<text x="{_LEFT - 8}" y="{top + 12}" text-anchor="end">{name}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{width}" height="16" fill="#3b7dd8"/>',
            f'<text x="{_LEFT + width + 6}" y="{top + 12}">{share:.0%}</text>',
        ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
            'font-family="sans-serif" font-size="13">',
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="8" y="18" font-weight="bold">What mattered for {found.bench.metric}:',
            f"share of the differences between {found.standing.done} trials</text>",
            *drawn,
            "</svg>\n",
        ]
    )


def _text(value: Value) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _told(value: Interval) -> str:
    return f"{value.mean:.4f} ± {(value.high - value.low) / 2:.4f}"


def _signed(gain: Interval) -> str:
    return f"{gain.mean:+.4f} ({gain.low:+.4f} … {gain.high:+.4f})"
