"""The popular videos, apart from the model: what a worker lists that has no model to apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from data.scoring import rank
from data.up_next import Listed, UpNext, rounded
from data.user_history import DEFAULT_LIMIT

if TYPE_CHECKING:
    from data.frozen_model import FrozenModel
    from data.user_history import UserHistory

_MOST: Final = 1_000  # with a history of so many videos, a list may end up empty


class Popular(msgspec.Struct, frozen=True):
    """The popular videos of the model that was activated last.

    Attributes
    ----------
    version
        Of that model; empty where none was ever activated.
    items
        Most popular first, none of them blocked.
    """

    version: str = ""
    items: tuple[Listed, ...] = ()

    @property
    def activation(self) -> int:
        """Lower than that of any model, whose list is never replaced by one of these."""
        return 0

    @property
    def history_limit(self) -> int:
        """How many videos of a user are kept where no model says so."""
        return DEFAULT_LIMIT

    @classmethod
    def of(cls, model: FrozenModel, version: str) -> Popular:
        """Take them out of a model."""
        rows, scores = rank(model.cold_scores, np.zeros(0, np.int32), _MOST)
        ids = model.vocabulary.ids
        pairs = zip(rows.tolist(), rounded(scores), strict=True)
        return cls(version, tuple(Listed(ids[row], score) for row, score in pairs if row >= 0))

    def list_for(self, user: str, history: UserHistory, length: int) -> UpNext:
        """Make a user's list: what is popular and not in the history."""
        seen = set(history.videos)
        new = [item for item in self.items if item.id not in seen]
        return UpNext(
            user=user,
            version=self.version,
            activation=self.activation,
            at=history.newest_at,
            personal=False,
            items=tuple(new[:length]),
        )
