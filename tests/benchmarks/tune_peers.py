"""Choose the peers' settings, with as many trials as the model's settings had.

``python -m tests.benchmarks.quality --tune`` draws from grids and judges by the replay of a
window before the one that quality is reported on. What it found stands in
`batch_training.judging.peer_fits.PeerSettings`.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.cases import Cases, make_lists
from batch_training.judging.measure import TOP
from batch_training.judging.peer_fits import PeerSettings, peers
from batch_training.judging.replay import (
    LikedSettings,
    ReplaySettings,
    draw_targets,
    first_likes,
    replay_cases,
)
from batch_training.judging.wanted import Wanted, wanted
from batch_training.merging.histories import merge_events
from data.user_history import DEFAULT_LIMIT
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_training.events import Events
    from batch_training.judging.peer_fits import PeerName

TRIALS: Final = 26  # as the model's settings had
HALF_LIVES: Final = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
GRIDS: Final[Mapping[PeerName, Mapping[str, Sequence[float | None]]]] = {
    "item_knn": {
        "neighbours": (20, 50, 100, 200, 400),
        "shrinkage": (0.0, 10.0, 30.0, 100.0, 300.0),
        "item_knn_half_life": HALF_LIVES,
    },
    "ease": {
        "ease_ridge": (100.0, 200.0, 400.0, 700.0, 1_000.0, 2_000.0, 4_000.0),
        "ease_half_life": HALF_LIVES,
    },
}


class Window(NamedTuple):
    """A past to learn from, and cases of what came after it."""

    learnt_from: Wanted
    videos: Vocabulary
    cases: Cases


def tune(events: Events, say: Callable[[str], None]) -> PeerSettings:
    """Find the best settings of each peer.

    Parameters
    ----------
    events
        Without those that quality will be reported on; the last tenth judges.
    say
        Is told of every trial.
    """
    window = _window(events)
    best = PeerSettings()
    for name, grid in GRIDS.items():
        trials = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
        order = np.random.default_rng(0).permutation(len(trials))[:TRIALS].tolist()
        found = []
        for number, place in enumerate(order, 1):
            settings = msgspec.structs.replace(best, **trials[place])
            found.append((_hit_rate(window, name, settings), -place))
            say(f"{name} {number} of {TRIALS}: {trials[place]} finds {found[-1][0]:.4f}")
        best = msgspec.structs.replace(best, **trials[-max(found)[1]])
    return best


def _window(events: Events) -> Window:
    """Cut off the last tenth, and keep the histories of its moments for all trials."""
    past, later = events.split(0.9)
    before = merge_events(past)
    learnt_from = wanted(before, np.zeros(len(before), np.bool_))
    first = first_likes(later, learnt_from.codes, LikedSettings())
    targets = draw_targets(before, later, first, ReplaySettings())
    cases = replay_cases(before, later, targets, DEFAULT_LIMIT)
    kept = Cases(cases.users, cases.relevant, list(cases.histories))
    return Window(learnt_from, Vocabulary(events.videos), kept)


def _hit_rate(window: Window, name: PeerName, settings: PeerSettings) -> float:
    ways = peers((name,), window.learnt_from, window.learnt_from.codes, settings).ways
    lists = make_lists(ways, window.cases, window.videos, TOP)[name]
    return float(np.mean((lists == window.cases.relevant.rows[:, None]).any(axis=1)))
