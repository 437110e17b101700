"""Bots: who did more in a single day than a person can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.reading.spool import Spool

_DAY_MS: Final = 86_400_000
_DAY_BITS: Final = 32
_CELLS: Final = 1 << 22
_STRIDE: Final = 1_000_003  # a prime, so that the days of one user don't meet those of the next


def find_bots(spool: Spool, most_a_day: int | None) -> NDArray[np.bool_]:
    """Find the users with more events in a day (UTC) than ``most_a_day``.

    Memory doesn't follow the events: a first pass counts days into a fixed number of cells, where
    several days may fall into one; a second one counts the days of the few crowded cells exactly.

    Parameters
    ----------
    most_a_day
        As many are allowed; None allows any number.

    Returns
    -------
    Shape (n_users,): True for a bot; as `Spool.without` takes it.
    """
    bots = np.zeros(len(spool.users), np.bool_)
    if most_a_day is None:
        return bots
    cells = np.zeros(_CELLS, np.int64)
    for events in spool.batches():
        np.add.at(cells, _cell(events.user, events.at // _DAY_MS), 1)
    crowded = cells > most_a_day
    days: dict[int, int] = {}
    for events in spool.batches():
        day = events.at // _DAY_MS
        inside = crowded[_cell(events.user, day)]
        found, counts = np.unique(_key(events.user, day)[inside], return_counts=True)
        for key, count in zip(found.tolist(), counts.tolist(), strict=True):
            days[key] = days.get(key, 0) + count
    bots[[key >> _DAY_BITS for key, count in days.items() if count > most_a_day]] = True
    return bots


def _key(user: NDArray[np.int32], day: NDArray[np.int64]) -> NDArray[np.int64]:
    return (user.astype(np.int64) << _DAY_BITS) + day


def _cell(user: NDArray[np.int32], day: NDArray[np.int64]) -> NDArray[np.int64]:
    return (user * np.int64(_STRIDE) + day) % _CELLS
