"""Measure what each signal is worth: ``python -m tests.benchmarks.signals``.

On made-up data whose truth is known, so that a list is judged by what its user would think of it,
and not by what was clicked. The half-life is off, as the tastes don't change. What pays here need
not pay elsewhere: it depends on how the data were drawn, see `data.sources.known_tastes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from rich.console import Console

from batch_training.judging.bootstrap import intervals
from data.confidence import ConfidenceParameters
from data.sources.known_tastes import make_known_tastes
from tests.benchmarks.report import Report, table_of
from tests.known_truth import TRAIN, met_tastes, truth_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from data.sources.known_tastes import KnownTastes

SEEDS: Final = range(5)
ALPHA: Final = 20.0  # the best of 2, 7, 20 and 40 for data of this size
NEGATIVES: Final = frozenset({"dislike", "hide"})
NEUTRAL: Final = {"watch_floor": 0.0, "duration_share": 0.0, "skip_weight": 0.0}
BASES: Final = ("ratio alone", "defaults")
_ALONE: Final = {
    "  every watch alike": {"watch_knee": 1e-9},
    "  knee 0.7": {"watch_knee": 0.7},
    "  knee 1.5": {"watch_knee": 1.5},
    "  completion 0.5": {"complete_weight": 0.5},
    "  floor 0.1": {"watch_floor": 0.1},
    "  floor 0.2": {"watch_floor": 0.2},
    "  floor 0.2, skips 0.1": {"watch_floor": 0.2, "skip_weight": 0.1},
    "  durations": {"duration_share": 1.0},
    "  durations, floor 0.2": {"duration_share": 1.0, "watch_floor": 0.2},
}
"""What is added to the ratio alone."""
_WHOLE: Final = {
    "  without floor (and skips)": {"watch_floor": 0.0},
    "  without skips": {"skip_weight": 0.0},
    "  without durations": {"duration_share": 0.0},
    "  dislikes 0": {"dislike_weight": 0.0},
    "  dislikes 2": {"dislike_weight": 2.0},
    "  hides 0": {"hide_weight": 0.0},
    "  hides 2": {"hide_weight": 2.0},
    "  completion 0.5": {"complete_weight": 0.5},
    "  knee 0.7": {"watch_knee": 0.7},
    "  durations 1": {"duration_share": 1.0},
    "  durations 1, floor 0.4, skips 0.2": {
        "duration_share": 1.0,
        "watch_floor": 0.4,
        "skip_weight": 0.2,
    },
}
"""What is changed of the defaults."""


class Step(NamedTuple):
    """One row: what it is compared with, what is changed, and which kinds are left out."""

    base: str
    changed: Mapping[str, Any]
    without: frozenset[str] = frozenset()


def steps() -> dict[str, Step]:
    """Name what is measured; each of the `BASES` comes before what is compared with it."""
    first, second = BASES
    found = {first: Step(first, NEUTRAL, NEGATIVES)}
    found |= {name: Step(first, NEUTRAL | more, NEGATIVES) for name, more in _ALONE.items()}
    found |= {
        "  dislikes": Step(first, NEUTRAL, NEGATIVES - {"dislike"}),
        "  hides": Step(first, NEUTRAL, NEGATIVES - {"hide"}),
        second: Step(second, {}),
        "  without dislikes": Step(second, {}, frozenset({"dislike"})),
        "  without hides": Step(second, {}, frozenset({"hide"})),
    }
    return found | {f"{name} ": Step(second, more) for name, more in _WHOLE.items()}


def measured(known: KnownTastes, steps: Mapping[str, Step]) -> dict[str, NDArray[np.float64]]:
    """Tell how well the lists of each user meet the taste, after each step."""
    truths = {without: truth_of(known, without) for _, _, without in steps.values()}
    return {
        name: met_tastes(truths[step.without], confidence_of(step)) for name, step in steps.items()
    }


def confidence_of(step: Step) -> ConfidenceParameters:
    """Change the defaults as a step says."""
    return ConfidenceParameters(**{"alpha": ALPHA, "half_life": None, **step.changed})


def run(say: Callable[[str], None]) -> Report:
    """Measure all steps on some draws."""
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in steps()}
    for seed in SEEDS:
        say(f"Draw {seed + 1} of {len(SEEDS)} ...")
        known = make_known_tastes(seed)
        for name, values in measured(known, steps()).items():
            found[name].append(values)
    met = {name: np.concatenate(values) for name, values in found.items()}
    return Report(
        title="How well the first ten meet the taste: 0 as ten at random, 1 as the best ten",
        conditions=[
            (
                f"{len(SEEDS)} draws of 1,000 users and 600 videos, about 45 watches a user, "
                f"3.5 likes, 1 dislike and 0.3 hides; {TRAIN.factors} factors, {TRAIN.iterations} "
                f"iterations, λ {TRAIN.regularization:g}, α {ALPHA:g}, no half-life"
            ),
        ],
        columns=("", "met", "more than the base (95 %)"),
        rows=[_row(name, step, met) for name, step in steps().items()],
        notes=[
            "Ratio alone: watches by their ratio, and likes. Defaults: all below at once.",
            "Intervals pair the same users with and without, and draw them anew 1,000 times.",
        ],
    )


def _row(name: str, step: Step, met: Mapping[str, NDArray[np.float64]]) -> tuple[str, str, str]:
    """Lay out one step with its paired difference to its base."""
    mean = f"{met[name].mean():.4f}"
    if name == step.base:
        return (name, mean, "")
    less = met[name] - met[step.base]
    [found] = intervals(less[:, None], np.arange(len(less)))
    return (name, mean, f"{found.mean:+.4f} ({found.low:+.4f} … {found.high:+.4f})")


def main() -> None:
    """Print the table."""
    Console(soft_wrap=True).print(table_of(run(Console(stderr=True).print)))


if __name__ == "__main__":
    main()
