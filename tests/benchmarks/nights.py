"""Whole nights of several sizes: what each part takes, and how that grows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.nights_chart import bars, drawing
from tests.benchmarks.report import Report
from tests.benchmarks.synthetic import Size
from tests.benchmarks.whole_night import BASELINES, FITS, OPTIONS, REFRESH, THREADS, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.whole_night import Night

SIZES: Final = (1_000_000, 5_000_000, 20_000_000)
CHART: Final = Path(__file__).parents[2] / "docs" / "nights.svg"


def run(say: Callable[[str], None]) -> Report:
    """Measure the smallest night; `say` is told what is being done."""
    return told([measure(Size.of(SIZES[0]), say)])


def run_all(say: Callable[[str], None]) -> Report:
    """Measure all `SIZES`, which takes minutes, and draw them for the docs."""
    nights = [measure(Size.of(events), say) for events in SIZES]
    CHART.write_text(drawing(_by_size(nights)), encoding="utf-8")
    return told(nights)


def told(nights: Sequence[Night]) -> Report:
    """Lay nights out, the smallest first."""
    return Report(
        title=(
            f"Whole nights: wall / CPU seconds; {OPTIONS['factors']} factors, "
            f"{OPTIONS['iterations']} iterations"
        ),
        conditions=[
            *(
                f"{_millions(n)} made-up interactions: {n.size.users:,} users, "
                f"{n.size.videos:,} videos, {_pairs(n):,} pairs"
                for n in nights
            ),
            f"A first night, with {THREADS} training threads; no look at the fits may end them",
            f"early. Redis's own time doesn't count. Load of the machine: {os.getloadavg()[0]:.1f}",
        ],
        columns=("", *map(_millions, nights)),
        rows=_rows(nights),
        notes=[
            "The rest: all but the two fits, the baselines and the refresh. As a share of the two",
            "fits: by wall time, and by CPU time, where the fits, with two threads, count half.",
            "Goals of the largest night: at most 1.00, and less than 4096 MiB.",
            "",
            "CPU seconds for each million interactions; bars of equal length are linear growth:",
            *bars(_by_size(nights)),
        ],
    )


def _rows(nights: Sequence[Night]) -> list[tuple[str, ...]]:
    """Lay out the parts, then what they come to."""
    parts = [(name, [n.parts[name] for n in nights]) for name in nights[0].parts]
    sums = [("the rest", [n.rest for n in nights]), ("all", [n.whole for n in nights])]
    seconds = [
        (name, *(f"{cost.wall:.1f} / {cost.cpu:.1f}" for cost in costs))
        for name, costs in parts + sums
    ]
    ratios = ("{:.2f} / {:.2f}".format(*n.ratio) for n in nights)
    peaks = (f"{n.whole.peak:.0f}" for n in nights)
    return [*seconds, ("the rest, of the two fits", *ratios), ("greatest memory, MiB", *peaks)]


def _by_size(nights: Sequence[Night]) -> dict[int, dict[str, float]]:
    """Give the CPU seconds of what is drawn, by events and name."""
    return {
        n.size.events: {
            FITS: n.parts[FITS].cpu,
            "the rest": n.rest.cpu,
            BASELINES: n.parts[BASELINES].cpu,
            REFRESH: n.parts[REFRESH].cpu,
        }
        for n in nights
    }


def _millions(night: Night) -> str:
    return f"{night.size.events / 1e6:g} M"


def _pairs(night: Night) -> int:
    return night.report.data.pairs if night.report.data else 0
