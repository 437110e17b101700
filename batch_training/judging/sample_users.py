"""Sample users: a few people, for others to look at what the new model makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from batch_training.night_report import SampleUser
from data.up_next import rank_histories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.merging.histories import Histories
    from data.catalogue import Catalogue
    from data.frozen_model import FrozenModel
    from data.user_history import UserHistory

USERS: Final = 6
_SHOWN: Final = 10


def sample_users(
    histories: Histories,
    candidate: FrozenModel,
    serving: FrozenModel | None,
    catalogue: Catalogue,
    seed: int,
) -> tuple[SampleUser, ...]:
    """Draw users from the least to the most active, and make their lists by both models."""
    active = np.flatnonzero(histories.lengths)
    by_activity = active[np.argsort(histories.lengths[active], kind="stable")]
    parts = np.array_split(by_activity, min(USERS, len(by_activity)) or 1)
    draw = np.random.default_rng(seed)
    chosen = [int(draw.choice(part)) for part in parts if len(part)]
    known = [histories.history(user) for user in chosen]
    after = _titles(candidate, known, catalogue)
    before = _titles(serving, known, catalogue) if serving else [()] * len(known)
    return tuple(
        SampleUser(
            user=histories.users[user],
            watched=tuple(catalogue.title(video) for video in history.videos[::-1][:_SHOWN]),
            before=before[place],
            after=after[place],
        )
        for place, (user, history) in enumerate(zip(chosen, known, strict=True))
    )


def _titles(
    model: FrozenModel, known: Sequence[UserHistory], catalogue: Catalogue
) -> list[tuple[str, ...]]:
    """Make a list for each history, in titles."""
    if not known:
        return []
    ids = model.vocabulary.ids
    rows = rank_histories(model, known, _SHOWN).rows.tolist()
    return [tuple(catalogue.title(ids[row]) for row in ranked if row >= 0) for ranked in rows]
