"""Choose the peers' settings, with as many trials as the search for the model's has.

``python -m tests.benchmarks.quality --tune`` draws from grids and judges by a window before the
one that quality is reported on, for the replay and for the split by time. What it found stands in
`batch_training.judging.peer_fits.PeerSettings` and in `tests.benchmarks.quality.by_time`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, product
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.cases import Cases, make_lists
from batch_training.judging.measure import HIT_RATE, METRICS, TOP, Ruler
from batch_training.judging.peer_fits import PeerSettings, peers
from batch_training.judging.peers import ItemItemWay
from batch_training.judging.replay import (
    LikedSettings,
    ReplaySettings,
    draw_targets,
    first_likes,
    replay_cases,
)
from batch_training.judging.temporal import TemporalSettings, temporal_cases
from batch_training.judging.wanted import Wanted, wanted
from batch_training.merging.histories import merge_events
from data.user_history import DEFAULT_LIMIT
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from batch_training.events import Events
    from batch_training.judging.judge import Protocol
    from batch_training.judging.peer_fits import PeerName
    from batch_training.judging.ways import Way

    Point = tuple[float | None, ...]

TRIALS: Final = 50  # of each peer, as many as of the model
SHARE: Final = 0.9  # of the events, the oldest that are learnt from
METRIC: Final[Mapping[Protocol, str]] = {"replay": HIT_RATE, "temporal": "ndcg@10"}
# What comes next hangs on the last few videos, what comes in the months after on all of them.
HALF_LIVES: Final[Mapping[Protocol, Sequence[float | None]]] = {
    "replay": (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
    "temporal": (3.0, 10.0, 20.0, 50.0, 100.0, 200.0, None),
}
# Wide enough that the best of the trials lies inside, but for 0 and None.
GRIDS: Final[Mapping[PeerName, Mapping[str, Sequence[float]]]] = {
    "item_knn": {
        "neighbours": (2, 5, 10, 20, 50, 100, 200, 400, 800, 1_600, 3_200),
        "shrinkage": (0.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0),
    },
    "ease": {"ease_ridge": tuple(125.0 * 2**power for power in range(10))},
}


class Window(NamedTuple):
    """A past to learn from, and cases of what came after it."""

    learnt_from: Wanted
    videos: Vocabulary
    cases: Cases


def tune(events: Events, protocol: Protocol, say: Callable[[str], None]) -> PeerSettings:
    """Find the best settings of each peer.

    Parameters
    ----------
    events
        Without those that quality will be reported on; the last tenth judges.
    protocol
        ``replay`` or ``temporal``.
    say
        Is told of every trial.
    """
    window = _window(events, protocol)
    best = PeerSettings()
    for name, grid in GRIDS.items():
        names, found = (*grid, f"{name}_half_life"), list[tuple[float, int, PeerSettings]]()
        for number, (way, point) in enumerate(_tried(window, name, HALF_LIVES[protocol]), 1):
            chosen = dict(zip(names, point, strict=True))
            worth = _worth(window, way, METRIC[protocol])
            found.append((worth, -number, msgspec.structs.replace(best, **chosen)))
            say(f"{protocol}: {name} {number} of {TRIALS}: {chosen} finds {worth:.4f}")
        best = max(found, key=lambda one: one[:2])[2]
    return best


def _tried(
    window: Window, name: PeerName, half_lives: Sequence[float | None]
) -> Iterator[tuple[Way, Point]]:
    """Draw points of a grid, and fit once what they differ in by the half-life only."""
    points = list(product(*GRIDS[name].values(), half_lives))
    drawn = np.random.default_rng(0).permutation(len(points))[:TRIALS].tolist()
    for fitted, group in groupby((points[place] for place in sorted(drawn)), lambda p: p[:-1]):
        settings = PeerSettings(**dict(zip(GRIDS[name], fitted, strict=True)))
        codes = window.learnt_from.codes
        (way,) = peers((name,), window.learnt_from, codes, settings).ways
        if isinstance(way, ItemItemWay):
            for point in group:
                yield replace(way, reader=way.reader.fading(point[-1])), point


def _window(events: Events, protocol: Protocol) -> Window:
    """Cut off the last tenth, and keep the histories of its moments for all trials."""
    past, later = events.split(SHARE)
    before = merge_events(past)
    learnt_from = wanted(before, np.zeros(len(before), np.bool_))
    first = first_likes(later, learnt_from.codes, LikedSettings())
    if protocol == "replay":
        targets = draw_targets(before, later, first, ReplaySettings())
        cases = replay_cases(before, later, targets, DEFAULT_LIMIT)
    else:
        cases = temporal_cases(before, later, first, TemporalSettings(users=None))
    kept = Cases(cases.users, cases.relevant, list(cases.histories))
    return Window(learnt_from, Vocabulary(events.videos), kept)


def _worth(window: Window, way: Way, metric: str) -> float:
    lists = make_lists((way,), window.cases, window.videos, TOP)[way.name]
    ruler = Ruler(window.learnt_from.codes, np.zeros((len(window.videos), 1), np.float32))
    return float(ruler.worth(lists, window.cases)[:, METRICS.index(metric)].mean())
