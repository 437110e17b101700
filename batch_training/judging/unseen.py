"""Evaluate: how well the model does for users it was never trained on.

Strong generalisation as in Liang et al. 2018: most of an unseen user's history is folded in, and
the rest is to be predicted. It knows no order in time, so the half-life is off; compare its
figures with those in the literature, and decide by the replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from batch_training.judging.cases import Cases
from data.confidence import is_wanted
from data.scoring import Ragged
from data.user_history import UserHistory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from batch_training.merging.histories import Histories


class UnseenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How users are held out.

    Attributes
    ----------
    share
        Of all users, those that the judged model is not trained on.
    most
        No more users than these are held out.
    folded_in
        Share of an unseen user's history that is shown to the model; the rest is to be predicted.
    seed
        For both draws.
    """

    share: float = 0.1
    most: int = 5_000
    folded_in: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        for name in ("share", "folded_in"):
            if not 0 < getattr(self, name) < 1:
                msg = f"{name} = {getattr(self, name)} must lie between 0 and 1"
                raise ValueError(msg)
        if self.most < 1:
            msg = f"most = {self.most} must be at least 1"
            raise ValueError(msg)


def choose_unseen(histories: Histories, settings: UnseenSettings) -> NDArray[np.bool_]:
    """Draw the users to leave out of the training, shape (n_users,)."""
    users = np.random.default_rng(settings.seed).permutation(np.flatnonzero(histories.lengths))
    unseen = np.zeros(len(histories), np.bool_)
    unseen[users[: min(settings.most, round(settings.share * len(users)))]] = True
    return unseen


def are_among(everybody: Histories, unseen: Histories | None) -> NDArray[np.bool_]:
    """Find the unseen among all users, shape (n_users,)."""
    ids = set(unseen.users) if unseen else set()
    return np.fromiter((user in ids for user in everybody.users), np.bool_, len(everybody.users))


def draw_users(histories: Histories, most_pairs: int, seed: int) -> NDArray[np.bool_]:
    """Draw users at random who have no more than so many videos together; shape (n_users,)."""
    order = np.random.default_rng(seed).permutation(len(histories))
    drawn = np.zeros(len(histories), np.bool_)
    drawn[order[np.cumsum(histories.lengths[order]) <= most_pairs]] = True
    return drawn


def unseen_cases(unseen: Histories, listable: NDArray[np.int32], settings: UnseenSettings) -> Cases:
    """Split each history at random; who has nothing that could be predicted is left out.

    Parameters
    ----------
    unseen
        Histories of the unseen users only.
    listable
        Codes of the videos that count.
    """
    counts = np.zeros(len(unseen.videos), np.bool_)
    counts[listable] = True
    counts = counts[unseen.video] & is_wanted(unseen.states)
    shown = _shown(unseen, settings)
    hidden = Ragged(unseen.ends, unseen.video).select(counts & ~shown)
    lengths = np.diff(hidden.ends, prepend=0)
    users = np.flatnonzero(lengths)
    return Cases(users, Ragged(hidden.ends[users], hidden.rows), _parts(unseen, shown, users))


def _shown(unseen: Histories, settings: UnseenSettings) -> NDArray[np.bool_]:
    """Draw what is shown of each history, shape (total,)."""
    draw = np.random.default_rng(settings.seed)
    shown = np.zeros(len(unseen.video), np.bool_)
    for start, length in zip(unseen.ends - unseen.lengths, unseen.lengths.tolist(), strict=True):
        count = int(np.ceil(settings.folded_in * length))
        shown[start + draw.permutation(length)[:count]] = True
    return shown


def _parts(
    unseen: Histories, shown: NDArray[np.bool_], users: NDArray[np.int64]
) -> Iterator[UserHistory]:
    """Give what is shown of some users' histories."""
    starts = unseen.ends - unseen.lengths
    for user in users.tolist():
        whole = unseen.history(user)
        places = np.flatnonzero(shown[starts[user] : unseen.ends[user]])
        yield UserHistory([whole.videos[place] for place in places.tolist()], whole.states[places])
