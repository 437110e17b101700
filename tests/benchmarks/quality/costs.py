"""Costs: what a way takes to learn, to hold and to serve."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from batch_training.judging.ladder import parts_of
from batch_training.judging.peers import ItemItemWay
from batch_training.judging.ways import Asked, ModelWay
from batch_training.training.settings import FollowUpSettings, PriorSettings
from batch_training.training.train import fit
from batch_training.training.training_set import training_set
from data.vocabulary import Vocabulary
from tests.benchmarks.quality.found import Cost
from tests.benchmarks.race import race

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from batch_training.judging.ways import Way
    from batch_training.merging.histories import Histories
    from batch_training.training.settings import TrainSettings
    from batch_training.training.training_set import TrainingSet
    from data.frozen_model import FrozenModel

FACTORS: Final = "factors"
_BATCH: Final = 32  # lists made at once
_BATCHES: Final = 16
_PLACES: Final = 20
ROUNDS: Final = 5


class Clock:
    """CPU seconds of all threads, by what was done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a piece of work."""
        start = time.process_time()
        yield
        self.seconds[name] = time.process_time() - start


def learn(
    before: Histories, settings: TrainSettings, clock: Clock
) -> tuple[TrainingSet, NDArray[np.float32]]:
    """Fit the factors, and count prior and follow-ups, each timed by itself."""
    off = {"prior": PriorSettings(), "follow_ups": FollowUpSettings(weight=0.0)}
    with clock.timed(FACTORS):
        bare = training_set(before, msgspec.structs.replace(settings, **off))
        factors = fit(bare.matrix, settings).item_factors
    for name in off:
        only = off | {name: getattr(settings, name)}
        with clock.timed(name):
            training_set(before, msgspec.structs.replace(settings, **only))
    return training_set(before, settings), factors


def costs_of(ways: Sequence[Way], before: Histories, clock: Clock, rounds: int) -> dict[str, Cost]:
    """Measure each way that learns and serves; those that only count have none.

    Parameters
    ----------
    before
        Histories, of which some are asked for their lists.
    clock
        What was learnt, by the names of `learn` and of the peers.
    rounds
        In which the ways take turns; the median counts.
    """
    measured = [way for way in ways if isinstance(way, ModelWay | ItemItemWay)]
    with threadpool_limits(1):
        seconds = race({way.name: _lists_of(way, before) for way in measured}, rounds)
    lists = _BATCH * _BATCHES
    return {
        way.name: Cost(
            _train_s(way, clock.seconds), _bytes_a_video(way), seconds[way.name] / lists * 1e6
        )
        for way in measured
    }


def _lists_of(way: Way, before: Histories) -> Callable[[], object]:
    """Give what makes some lists, batch by batch."""
    videos = Vocabulary(before.videos)
    users = np.random.default_rng(0).choice(np.flatnonzero(before.lengths), (_BATCHES, _BATCH))
    asked = [Asked(some, [before.history(u) for u in some.tolist()], videos) for some in users]
    return lambda: [way.lists(batch, _PLACES) for batch in asked]


def _train_s(way: ModelWay | ItemItemWay, seconds: dict[str, float]) -> float:
    if isinstance(way, ItemItemWay):
        return seconds[way.name.removesuffix("_flat")]
    if not way.model.item_factors.any():  # popularity stands where a prior would
        return seconds["follow_ups"]
    return sum(seconds.get(part, 0.0) for part in (FACTORS, *parts_of(way.model)))


def _bytes_a_video(way: ModelWay | ItemItemWay) -> float:
    if isinstance(way, ModelWay):
        return _held(way.model) / way.model.n_items
    if isinstance(way.weights, np.ndarray):
        return way.weights.nbytes / len(way.codes)
    weights = way.weights
    return (weights.data.nbytes + weights.indices.nbytes + weights.indptr.nbytes) / len(way.codes)


def _held(model: FrozenModel) -> int:
    """Count the bytes of a model, without factors that are all zero."""
    unused = 0 if model.item_factors.any() else model.item_factors.nbytes + model.gram.nbytes
    return len(model.to_bytes()) - unused
