"""Window: the newest events, by which the night is judged, and which models know nothing of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from batch_training.events import Events
    from batch_training.merging.histories import Histories
    from batch_training.reading.spool import Spool


_MOST: Final = 2_000_000  # events, which memory has to hold one by one


class Window(NamedTuple):
    """Where the judged events begin.

    Attributes
    ----------
    cut_at
        ms UTC: the candidate is judged by the events from here on, and trained on those before.
    is_new_to_serving
        Whether the serving model has seen none of them either.
    """

    cut_at: int
    is_new_to_serving: bool


def choose_window(
    spool: Spool, serving_until_at: int | None, judged_share: float, least_events: int
) -> Window:
    """Choose what the candidate and the serving model are compared on.

    That is what came after the serving model's data ended, but no more than the newest part of
    all events, nor than two million. Where too little came since, it is the newest part all the
    same: then the serving model has seen it, and its settings have to be trained anew on what was
    before.

    Parameters
    ----------
    serving_until_at
        When the data ended that the serving model was trained on, in ms UTC; None if there is no
        such model or it doesn't say.
    judged_share
        Of all events, the oldest that the candidate is trained on at least.
    least_events
        Fewer than these are too little.
    """
    cut_at = spool.cut_at(max(judged_share, 1 - _MOST / len(spool)))
    if serving_until_at is None or serving_until_at < cut_at:
        return Window(cut_at, is_new_to_serving=serving_until_at is not None)
    since = sum(int(np.count_nonzero(e.at > serving_until_at)) for e in spool.batches())
    if since < least_events:
        return Window(cut_at, is_new_to_serving=False)
    return Window(serving_until_at + 1, is_new_to_serving=True)


def judged_between(later: Events, unseen: Histories | None) -> tuple[int, int]:
    """Say when what is judged by happened, in ms UTC; zeros for nothing.

    Parameters
    ----------
    later, unseen
        Events in order of time; or the histories to judge by in their place.
    """
    if unseen is None:
        return (int(later.at[0]), int(later.at[-1])) if len(later) else (0, 0)
    if not len(unseen.video):
        return 0, 0
    return int(unseen.states["earliest"].min()), int(unseen.states["latest"].max())
