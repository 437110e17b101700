"""Judge by users who were left out of the training, in folds, two widths of model at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.cases import make_lists
from batch_training.judging.measure import LENGTH, Ruler
from batch_training.judging.peer_fits import PeerSettings, peers, popular
from batch_training.judging.unseen import UnseenSettings, choose_unseen, unseen_cases
from batch_training.judging.wanted import wanted
from batch_training.judging.ways import ModelWay
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit, freeze, training_set
from data.confidence import ConfidenceParameters
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from batch_training.judging.peer_fits import PeerName
    from batch_training.judging.ways import Way
    from batch_training.merging.histories import Histories
    from batch_training.night_report import Quality
    from data.frozen_model import FrozenModel

TRAIN: Final = TrainSettings(
    regularization=46.0,
    confidence=ConfidenceParameters(
        alpha=3.0, half_life=None, rating_weights=(0.6, 0.8, 1.0, 1.1, 1.2)
    ),
)
WIDER: Final = msgspec.structs.replace(TRAIN, factors=256)
PEERS: Final[tuple[PeerName, ...]] = ("popularity", "item_knn", "ease")
# EASE's λ is the best of this protocol, as our settings are; that of the replay is far greater.
PEER: Final = PeerSettings(ease_ridge=700.0)
FOLDS: Final = 5


class Fold(NamedTuple):
    """Lists of some users that were left out, and what each is worth, by way."""

    users: NDArray[np.int64]
    order: NDArray[np.int32]
    lists: dict[str, NDArray[np.int32]]
    worths: dict[str, NDArray[np.float64]]


def unseen_users(
    histories: Histories, say: Callable[[str], None]
) -> tuple[int, tuple[Quality, ...]]:
    """Give how many lists were judged, and how good those of each way were.

    A user who is drawn for several folds is one user to the bootstrap.
    """
    folds = []
    for seed in range(FOLDS):
        say(f"Unseen users: fold {seed + 1} of {FOLDS} ...")
        folds.append(_fold(histories, seed))
    users = np.concatenate([fold.users for fold in folds])
    names = list(folds[0].lists)
    lists = {name: np.concatenate([fold.lists[name] for fold in folds]) for name in names}
    worths = {name: np.concatenate([fold.worths[name] for fold in folds]) for name in names}
    ruler = Ruler(folds[0].order, np.zeros((len(histories.videos), 1), np.float32))
    return len(users), ruler.qualities(lists, worths, users)


def trained(histories: Histories, settings: TrainSettings) -> FrozenModel:
    """Fit and freeze."""
    learnt_from = training_set(histories, settings)
    return freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)


def _fold(histories: Histories, seed: int) -> Fold:
    """Train without a tenth of the users, in several ways, and judge by those users."""
    videos, settings = Vocabulary(histories.videos), UnseenSettings(seed=seed)
    unseen = choose_unseen(histories, settings)
    models = {"candidate": TRAIN, "wider": WIDER}
    ways: list[Way] = [
        ModelWay.of(name, trained(histories.take(~unseen), train), videos, ())
        for name, train in models.items()
    ]
    learnt_from = wanted(histories, unseen)
    listable = learnt_from.codes
    ways += peers(PEERS, learnt_from, listable, PEER).ways
    order = popular("", listable, learnt_from.popularity, listable).order
    ruler = Ruler(order, learnt_from.sketches(len(videos)))
    cases = unseen_cases(histories.take(unseen), listable, settings)
    lists = make_lists([way.flat for way in ways], cases, videos, LENGTH)
    worths = {name: ruler.worth(made, cases) for name, made in lists.items()}
    return Fold(np.flatnonzero(unseen)[cases.users], order, lists, worths)
