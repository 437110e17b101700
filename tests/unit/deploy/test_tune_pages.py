"""What a search has found, as tables and as a drawing."""

from __future__ import annotations

import re

from rich.console import Console

from batch_training.judgements import Interval
from batch_training.training.flat import with_values
from deploy.tuning.pages import importance_svg, settings_table
from deploy.tuning.run import Found
from tests.unit.nights import world
from tests.unit.searches import SMALL, bench_of, search_on


def test_what_is_off_mattered_nothing() -> None:
    """Of a part that is switched off, only its weight is shown with how much it mattered."""
    with search_on(bench_of(world())) as search:
        off = with_values(SMALL, {"follow_weight": 0.0, "prior_weight": 1.0})
        worths = (Interval(0.1, 0.05, 0.15),) * 3
        names = [p.name for p in search.space.parameters]
        shares = dict.fromkeys(names, 1 / len(names))
        found = Found(
            search.fits.bench, search.space, {}, SMALL, off, worths, [], shares, search.standing()
        )
    console = Console(width=200)
    with console.capture() as said:
        console.print(settings_table(found))
    rows = re.findall(r"│ (\w+) .*│ *([█ ]*\S*) *│\n", said.get())
    told = {name for name, share in rows if share}
    assert {"follow_weight", "prior_weight", "prior_half_life_days"} <= told
    assert not {"follow_half_life", "follow_window"} & told
    assert set(re.findall(r">(\w+)</text>", importance_svg(found))) == told
