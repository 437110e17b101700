"""Judge by users who were left out of the training, in folds: three widths of model, and peers.

All settings were chosen on other draws of the same users (seeds 10 and 11, or 100 to 102), never
on the folds that are reported: the model's by 16 trials at 128 factors, and 5 more at 512 that
found nothing better for it; EASE's by 6 (its optimum is flat from 700 to 1,000), item-kNN's by 48.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.cases import make_lists
from batch_training.judging.measure import LENGTH, Ruler
from batch_training.judging.peer_fits import PeerSettings, peers, popular
from batch_training.judging.peers import ItemItemWay, PopularWay
from batch_training.judging.unseen import UnseenSettings, choose_unseen, unseen_cases
from batch_training.judging.wanted import wanted
from batch_training.judging.ways import ModelWay
from batch_training.report import words
from batch_training.training.settings import FollowUpSettings, TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.confidence import ConfidenceParameters
from data.vocabulary import Vocabulary
from tests.benchmarks.quality.found import OWN, Cost, Found, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from batch_training.judgements import Quality
    from batch_training.judging.peer_fits import PeerName
    from batch_training.judging.wanted import Wanted
    from batch_training.judging.ways import Way
    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel

NARROW: Final = TrainSettings(
    regularization=46.0,
    confidence=ConfidenceParameters(
        alpha=3.0, half_life=None, rating_weights=(0.6, 0.8, 1.0, 1.1, 1.2)
    ),
    follow_ups=FollowUpSettings(weight=0.0),
)
MODELS: Final[Mapping[str, TrainSettings]] = {
    f"{factors} factors": msgspec.structs.replace(NARROW, factors=factors)
    for factors in (128, 256, 512)
}
PEERS: Final[tuple[PeerName, ...]] = ("ease", "item_knn", "popularity")
# Of this protocol, as our settings are; those of the replay are quite different.
PEER: Final = PeerSettings(ease_ridge=700.0, neighbours=20, shrinkage=10.0)
FOLDS: Final = 5
_NAMES: Final = {"ease": "EASE", "item_knn": "Item-kNN", "popularity": "Popularity"}
_METRIC: Final = "ndcg@100"


class Fold(NamedTuple):
    """Lists of some users that were left out, and what each is worth, by way.

    Attributes
    ----------
    costs
        CPU seconds to train, and bytes for each video, of each way.
    """

    users: NDArray[np.int64]
    order: NDArray[np.int32]
    lists: dict[str, NDArray[np.int32]]
    worths: dict[str, NDArray[np.float64]]
    costs: dict[str, tuple[float, float]]


def of_unseen_users(histories: Histories, say: Callable[[str], None]) -> Found:
    """Judge by users that were left out of the training."""
    folds = []
    for seed in range(FOLDS):
        say(f"unseen: fold {seed + 1} of {FOLDS} ...")
        folds.append(_fold(histories, seed))
    count = sum(len(fold.users) for fold in folds)
    costs = {name: np.mean([f.costs[name] for f in folds], axis=0) for name in folds[0].costs}
    rows = [
        Row(
            way.name if way.name in PEERS else OWN,
            _NAMES.get(way.name, way.name),
            way.figures[_METRIC],
            {"more than EASE": way.less_candidate.get(_METRIC)},
            Cost(*costs[way.name].tolist()),
        )
        for way in _qualities(folds, len(histories.videos))
    ]
    c = NARROW.confidence
    settings = (
        f"{NARROW.iterations} iterations, λ {NARROW.regularization:g}, α {c.alpha:g}, stars "
        f"{c.rating_weights}; EASE with λ {PEER.ease_ridge:g}; item-kNN with {PEER.neighbours} "
        f"neighbours, shrinkage {PEER.shrinkage:g}; no half-life, no follow-ups"
    )
    title = f"Unseen users: {count:,} in {FOLDS} folds"
    return Found("unseen", title, settings, words.metric(_METRIC).name, rows)


def trained(histories: Histories, settings: TrainSettings) -> FrozenModel:
    """Fit and freeze."""
    learnt_from = training_set(histories, settings)
    return freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)


def _qualities(folds: list[Fold], n_videos: int) -> tuple[Quality, ...]:
    """Put the folds together; EASE is the first way, with which all others are compared.

    A user who is drawn for several folds is one user to the bootstrap.
    """
    users = np.concatenate([fold.users for fold in folds])
    names = list(folds[0].lists)
    lists = {name: np.concatenate([fold.lists[name] for fold in folds]) for name in names}
    worths = {name: np.concatenate([fold.worths[name] for fold in folds]) for name in names}
    ruler = Ruler(folds[0].order, np.zeros((n_videos, 1), np.float32))
    return ruler.qualities(lists, worths, users)


def _fold(histories: Histories, seed: int) -> Fold:
    """Train without a tenth of the users, in several ways, and judge by those users."""
    videos, settings = Vocabulary(histories.videos), UnseenSettings(seed=seed)
    unseen = choose_unseen(histories, settings)
    learnt_from = wanted(histories, unseen)
    listable, seen = learnt_from.codes, histories.take(~unseen)
    makers: dict[str, Callable[[], Way]] = {
        name: partial(_peer, name, learnt_from, listable) for name in PEERS
    }
    for name, train in MODELS.items():
        makers[name] = partial(_model, name, train, seen, videos)
    ways, costs = [], {}
    for name, make in makers.items():
        started = time.process_time()
        ways.append(make().flat)
        costs[name] = (time.process_time() - started, _bytes(ways[-1]) / len(listable))
    order = popular("", listable, learnt_from.popularity, listable).order
    ruler = Ruler(order, learnt_from.sketches(len(videos)))
    cases = unseen_cases(histories.take(unseen), listable, settings)
    lists = make_lists(ways, cases, videos, LENGTH)
    worths = {name: ruler.worth(made, cases) for name, made in lists.items()}
    return Fold(np.flatnonzero(unseen)[cases.users], order, lists, worths, costs)


def _peer(name: PeerName, learnt_from: Wanted, listable: NDArray[np.int32]) -> Way:
    return peers((name,), learnt_from, listable, PEER).ways[0]


def _model(name: str, train: TrainSettings, seen: Histories, videos: Vocabulary) -> Way:
    return ModelWay.of(name, trained(seen, train), videos, ())


def _bytes(way: Way) -> int:
    """Tell how large a way is where it is kept."""
    if isinstance(way, ModelWay):
        return len(way.model.to_bytes())
    if isinstance(way, PopularWay):
        return way.order.nbytes
    if not isinstance(way, ItemItemWay):
        msg = f"{way.name}: not known how large it is"
        raise TypeError(msg)
    weights = way.weights
    return weights.nbytes if isinstance(weights, np.ndarray) else 8 * weights.nnz  # with its column
