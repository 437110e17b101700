"""EventTally: what is counted of events as they pass, in constant memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from data.interaction import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from batch_training.events import Events

QUANTILES: Final = (0.1, 0.5, 0.9)
_STEP: Final = 0.001  # of a watch ratio: how exact the quantiles are
_MOST: Final = 10.0  # a watch ratio above counts as this one
_ODD: Final = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)  # one for each half of the fingerprint


class EventTally:
    """Counts events, whatever their order and the files that they came in.

    Attributes
    ----------
    kinds
        Shape (len(KINDS),): events of each kind.
    oldest_at, newest_at
        In ms UTC; 0 as long as there is none.
    """

    def __init__(self) -> None:
        self.kinds = np.zeros(len(KINDS), np.int64)
        self.oldest_at = 0
        self.newest_at = 0
        self._ratios = np.zeros(round(_MOST / _STEP) + 1, np.int64)
        self._sums = [0, 0]

    def add(self, events: Events, users: NDArray[np.uint64], videos: NDArray[np.uint64]) -> None:
        """Count events.

        Parameters
        ----------
        events
            In any order.
        users, videos
            Shape (2, n_users) and (2, n_videos): `id_hashes` by code.
        """
        if not len(events):
            return
        oldest = int(events.at.min())
        self.oldest_at = min(self.oldest_at or oldest, oldest)
        self.newest_at = max(self.newest_at, int(events.at.max()))
        self.kinds += np.bincount(events.kind, minlength=len(KINDS))
        watched = events.watch_ratio[~np.isnan(events.watch_ratio)]
        bins = np.rint(np.minimum(watched, _MOST) / _STEP).astype(np.int64)
        self._ratios += np.bincount(bins, minlength=len(self._ratios))
        for half, odd in enumerate(_ODD):
            hashes = _row_hashes(events, users[half], videos[half], np.uint64(odd))
            self._sums[half] = (self._sums[half] + int(hashes.sum())) % (1 << 64)

    @property
    def kind_counts(self) -> dict[str, int]:
        """Events by kind; kinds without any are left out."""
        counts = zip(KINDS, self.kinds.tolist(), strict=True)
        return {kind: count for kind, count in counts if count}

    @property
    def watch_ratio(self) -> tuple[float, ...]:
        """`QUANTILES` of the watch ratio, exact to 0.001; empty when nothing was watched."""
        total = int(self._ratios.sum())
        if not total:
            return ()
        below = np.cumsum(self._ratios)
        places = [int(np.searchsorted(below, share * (total - 1), "right")) for share in QUANTILES]
        return tuple(round(place * _STEP, 3) for place in places)

    @property
    def fingerprint(self) -> str:
        """Digest of all events, by their external ids and values: 32 hex digits.

        It is a sum of hashes, so it is the same for the same events in any order; an event that
        comes twice counts twice. It tells data apart that differ by chance, not by malice.
        """
        return "".join(f"{part:016x}" for part in self._sums)


def id_hashes(ids: Iterable[str]) -> NDArray[np.uint64]:
    """Hash external ids; shape (2, n)."""
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=16).digest() for name in ids)
    return np.frombuffer(digests, "<u8").reshape(-1, 2).T


def _row_hashes(
    events: Events, users: NDArray[np.uint64], videos: NDArray[np.uint64], odd: np.uint64
) -> NDArray[np.uint64]:
    """Hash each event, shape (n,); arithmetic is modulo 2**64."""
    hashes = users[events.user]
    for values in (
        videos[events.video],
        events.kind.astype(np.uint64),
        events.at.view(np.uint64),
        _bits(events.watch_ratio),
        _bits(events.rating),
    ):
        hashes *= odd
        hashes ^= hashes >> np.uint64(29)  # or the highest bits would never reach the lower ones
        hashes += values
    hashes *= odd
    hashes ^= hashes >> np.uint64(32)
    return hashes * odd


def _bits(numbers: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Give numbers as bits, one pattern for NaN and one for both zeros."""
    return np.where(np.isnan(numbers), -1.0, numbers + 0.0).view(np.uint64)
