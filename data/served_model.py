"""ServedModel: what a worker keeps of a frozen model, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

from data.whitened import whiten

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data.confidence import ConfidenceParameters
    from data.follow_ups import FollowUps
    from data.frozen_model import FrozenModel
    from data.vocabulary import Vocabulary
    from data.watch_scale import WatchScale
    from data.whitened import Whitened


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedModel:
    """All that lists are made with; each part as that of `data.frozen_model.FrozenModel`."""

    whitened: Whitened
    cold_scores: NDArray[np.float32]
    vocabulary: Vocabulary
    follow_ups: FollowUps | None
    confidence: ConfidenceParameters
    watch_scale: WatchScale | None
    history_limit: int

    @property
    def n_items(self) -> int:
        """Number of videos."""
        return len(self.whitened.factors)

    @property
    def n_factors(self) -> int:
        """Number of latent factors, k."""
        return int(self.whitened.factors.shape[1])

    @classmethod
    def in_place_of(cls, model: FrozenModel) -> ServedModel:
        """Let the whitened factors take the room of the item factors, which are lost.

        So a worker never holds both. The frozen model must not be used any more.
        """
        return cls(
            whitened=whiten(model.item_factors, model.gram, model.offsets, in_place=True),
            cold_scores=model.cold_scores,
            vocabulary=model.vocabulary,
            follow_ups=model.follow_ups,
            confidence=model.confidence,
            watch_scale=model.watch_scale,
            history_limit=model.history_limit,
        )


# What lists can be made with: by night the whole model, by day what a worker keeps of it.
Servable: TypeAlias = Union["FrozenModel", ServedModel]
