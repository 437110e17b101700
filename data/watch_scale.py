"""Watch scale: how a watch ratio ranks among those of videos of like duration.

A short video is watched to its end by nearly everybody and a long one by hardly anybody, so a
watch ratio tells more of the duration than of the interest. Its quantile within a bucket of
durations doesn't (Zhan et al. 2022, arXiv 2206.06003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

UNKNOWN: Final = 0
N_KNOTS: Final = 20
_MOST_BUCKETS: Final = 16
_LEAST_WATCHES: Final = 200  # in a bucket, so that its quantiles are some


@dataclass(frozen=True, eq=False)
class WatchScale:
    """The quantiles of the watch ratio in each bucket of durations.

    Attributes
    ----------
    bucket
        Bucket of each video from 1 on, `UNKNOWN` where its duration is; uint8, shape (n_videos,).
    knots
        Watch ratios at equally spaced quantiles, ascending; float64, shape (n_buckets, n_knots).
    """

    bucket: NDArray[np.uint8]
    knots: NDArray[np.float64]

    def wrong(self, n_videos: int) -> str:
        """Tell why this is no scale for so many videos; empty if it is one."""
        bucket, knots = self.bucket, self.knots
        if bucket.dtype != np.uint8 or bucket.shape != (n_videos,):
            return f"watch_bucket is {bucket.dtype}{bucket.shape}, not uint8({n_videos},)"
        if knots.dtype != np.float64 or np.ndim(knots) != 2 or not knots.size:  # noqa: PLR2004 - a table
            return f"watch_knots is {knots.dtype}{knots.shape}, not float64(n_buckets, n_knots)"
        if bucket.max(initial=0) > len(knots):
            return f"watch_bucket names bucket {bucket.max()} of {len(knots)} in watch_knots"
        if not np.isfinite(knots).all() or (np.diff(knots, axis=1) < 0).any():
            return "watch_knots holds a number that is not finite, or a row that falls"
        return ""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give the arrays that travel with a model, by name."""
        return {"watch_bucket": self.bucket, "watch_knots": self.knots}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> WatchScale | None:
        """Take what `to_arrays` gave out of a model's arrays; None if it is not there."""
        if not {"watch_bucket", "watch_knots"} & arrays.keys():
            return None
        return cls(arrays["watch_bucket"], arrays["watch_knots"])

    def of(self, videos: NDArray[np.bool_]) -> WatchScale:
        """Keep some videos."""
        return WatchScale(self.bucket[videos], self.knots)


def watch_scale(
    durations: NDArray[np.float64], video: NDArray[np.integer], ratio: NDArray[np.float64]
) -> WatchScale | None:
    """Learn the scale from all watches.

    Parameters
    ----------
    durations
        Shape (n_videos,), in s; NaN where not known.
    video, ratio
        Shape (n,): what was watched, as a number of ``durations``, and how much of it; a ratio of
        0 is left out.

    Returns
    -------
    None if nothing was watched whose duration is known. The buckets hold about as many watches
    each; a video of another duration is put into the nearest.
    """
    told = (ratio > 0) & ~np.isnan(durations[video])
    ratio, lasted = ratio[told], durations[video[told]]
    if not len(ratio):
        return None
    count = int(np.clip(len(ratio) // _LEAST_WATCHES, 1, _MOST_BUCKETS))
    edges = np.unique(np.quantile(lasted, np.arange(1, count) / count))
    whose = edges.searchsorted(lasted, "right")
    levels = (np.arange(N_KNOTS) + 0.5) / N_KNOTS
    filled = np.unique(whose)  # where many last equally long, a bucket may stay empty
    knots = [np.quantile(ratio[whose == each], levels, method="nearest") for each in filled]
    bucket = np.minimum(filled.searchsorted(edges.searchsorted(durations, "right")), len(knots) - 1)
    known = ~np.isnan(durations)
    return WatchScale(np.where(known, bucket + 1, UNKNOWN).astype(np.uint8), np.array(knots))


def effective_ratio(
    scale: WatchScale | None,
    share: float,
    video: NDArray[np.integer],
    ratio: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Let the quantile take a share of each watch ratio.

    Parameters
    ----------
    scale
        None for none: the ratios stay.
    share
        From 0 to 1.
    video
        Shape (n,): numbers of the videos in the scale; negative for one that it doesn't know.
    ratio
        Shape (n,): at least 0, which stays 0.

    Returns
    -------
    Shape (n,). The quantile is the share of the knots below, those that are equal counted half:
    where most watch to the end, that says little.
    """
    if scale is None or not share:
        return ratio
    bucket = np.where(video < 0, UNKNOWN, scale.bucket[video]).astype(np.int64)
    ranked = np.flatnonzero((bucket != UNKNOWN) & (ratio > 0))
    knots, own = scale.knots[bucket[ranked] - 1], ratio[ranked, None]
    quantile = ((knots < own).mean(axis=1) + (knots <= own).mean(axis=1)) / 2
    out = ratio.astype(np.float64)
    out[ranked] = (1 - share) * out[ranked] + share * quantile
    return out
