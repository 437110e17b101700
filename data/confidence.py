"""The one mapping from what a user did with a video to the confidence that is stored for it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from data.video_state import DISLIKE, LIKE, NEUTRAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF_LIVES: Final = 20
COMPLETE: Final = 0.98  # of a video: from here on it was watched to its end
_MOST: Final = 1e6  # alpha times a weight; float64 holds a thousand times as much


class ConfidenceParameters(msgspec.Struct, frozen=True, kw_only=True):
    """How much each signal says; frozen with the model, so night and day agree.

    The stored value of a video is ``c = 1 + alpha * r`` (Hu, Koren and Volinsky 2008), where
    ``r`` adds up the weights below; it is negative for a video that was disliked, hidden or
    skipped.

    Attributes
    ----------
    alpha
        Scale of all weights; at least 0. With each of them it makes at most 1,000,000.
    half_life
        In videos of the user: in the fold-in, what a user did with a video counts half when that
        many newer ones have come, and fades to that of an unobserved video. ``None`` switches
        it off.
    rating_weights
        Weights of 1, 2, 3, 4 and 5 stars; in between they are interpolated.
    watch_weight, watch_floor, watch_knee
        A watch weighs nothing up to a ratio of ``watch_floor``, from there on linearly more, and
        ``watch_weight`` from ``watch_knee`` on.
    complete_weight
        What a watch to the end adds: such a one tells only that the interest was no shorter than
        the video (Zhang et al. 2024, arXiv 2406.07932).
    duration_share
        From 0 to 1: how much of a watch ratio gives way to its quantile among the watches of
        videos of like duration, see `data.watch_scale`; completion is told by the ratio itself.
    like_weight, share_weight
        What a like and a share add.
    dislike_weight, hide_weight
        Weight of a dislike and of a hide, which take the place of everything else.
    skip_weight
        Weight of a skip: a watch below the floor, of a video of which nothing else is said. With
        0 it is as if unobserved, but it stays out of the list as all that was watched.
    """

    alpha: float = 7.0
    half_life: float | None = 3.0
    rating_weights: tuple[float, float, float, float, float] = (0.2, 0.4, 0.7, 1.0, 1.3)
    watch_weight: float = 1.0
    watch_floor: float = 0.2
    watch_knee: float = 1.0
    complete_weight: float = 0.0
    duration_share: float = 0.5
    like_weight: float = 1.0
    share_weight: float = 1.0
    dislike_weight: float = 0.5
    hide_weight: float = 0.5
    skip_weight: float = 0.1

    def __post_init__(self) -> None:
        """Refuse weights with which a confidence could fall below 1."""
        weights = {name: getattr(self, name) for name in self.__struct_fields__}
        weights |= {f"rating_weights[{i}]": w for i, w in enumerate(weights.pop("rating_weights"))}
        half_life = weights.pop("half_life")
        if half_life is not None and not 0 < half_life < math.inf:
            msg = f"half_life = {self.half_life} must be above 0 (in videos), or None"
            raise ValueError(msg)
        for name, weight in weights.items():
            if not 0 <= weight < math.inf:
                msg = f"{name} = {weight} must be a finite number, at least 0"
                raise ValueError(msg)
            if "weight" in name and self.alpha * weight > _MOST:
                product = f"alpha × {name} = {self.alpha:g} × {weight:g}"
                msg = f"{product} must be at most {_MOST:,.0f}: with more, fold-ins lose digits"
                raise ValueError(msg)
        if self.watch_floor >= self.watch_knee:
            msg = f"watch_knee = {self.watch_knee} must be above watch_floor = {self.watch_floor}"
            raise ValueError(msg)
        if self.duration_share > 1:
            msg = f"duration_share = {self.duration_share} must be at most 1"
            raise ValueError(msg)


def training_confidence(
    states: NDArray[np.void],
    parameters: ConfidenceParameters,
    ratio: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """Give the stored values for training, where every interaction counts in full.

    Parameters
    ----------
    states
        Shape (n,), dtype `data.video_state.STATE`.
    ratio
        Shape (n,): what stands for the watch ratio, see `data.watch_scale.effective_ratio`; the
        watch ratio itself if None.

    Returns
    -------
    Shape (n,): at least 1 in size, negative for dislike, hide and skip, 0 where nothing is said
    (a like that was taken back) and nothing should be stored.
    """
    return _stored(states, parameters, np.ones(len(states)), ratio)


def fold_in_confidence(
    states: NDArray[np.void],
    age: NDArray[np.int64],
    parameters: ConfidenceParameters,
    ratio: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """Give the stored values for the fold-in, where a user's older videos count less.

    What goes beyond the confidence of an unobserved video fades; see `faded` for its preference.

    Parameters
    ----------
    states
        Shape (n,), dtype `data.video_state.STATE`.
    age
        Shape (n,): how many newer videos the same user has; 0 for the newest.
    ratio
        As for `training_confidence`.

    Returns
    -------
    As `training_confidence`.
    """
    return _stored(states, parameters, faded(age, parameters), ratio)


def faded(age: NDArray[np.int64], parameters: ConfidenceParameters) -> NDArray[np.float64]:
    """Tell how much is left of a video with so many newer ones; shape (n,).

    From 1 down to 0: after `HALF_LIVES` half-lives, when less than a millionth is left, the video
    is as good as unobserved.
    """
    if parameters.half_life is None:
        return np.ones(len(age))
    lives = age / parameters.half_life
    return np.where(lives > HALF_LIVES, 0.0, np.exp2(-lives))


def says_something(states: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether the user watched, rated, liked, disliked, shared or hid the video; shape (n,)."""
    reacted = states["reaction"] != NEUTRAL
    said: NDArray[np.bool_] = (states["seen"] > 0) | reacted | states["shared"] | states["hidden"]
    return said


def is_wanted(states: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether the user said something of the video, and neither dislikes nor hid it; (n,).

    A skip counts as wanted here: what a skip is, the parameters say, and whatever judges them must
    not move with them.
    """
    return says_something(states) & ~_unwanted(states)


def _unwanted(states: NDArray[np.void]) -> NDArray[np.bool_]:
    unwanted: NDArray[np.bool_] = states["hidden"] | (states["reaction"] == DISLIKE)
    return unwanted


def _stored(
    states: NDArray[np.void],
    parameters: ConfidenceParameters,
    decay: NDArray[np.float64],
    ratio: NDArray[np.float64] | None,
) -> NDArray[np.float32]:
    p = parameters
    watched: NDArray[np.float64] = states["watch_ratio"] if ratio is None else ratio
    unwanted = _unwanted(states)
    skipped = _only_watched(states) & (watched < p.watch_floor)
    weight = np.where(unwanted, _against(states, p), _in_favour(states, p, watched))
    size = 1.0 + p.alpha * np.where(skipped, p.skip_weight, weight) * decay
    signed = np.where(unwanted | skipped, -size, size)
    return np.where(says_something(states), signed, 0.0).astype(np.float32)


def _only_watched(states: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether the video was watched and nothing else is said of it."""
    more = (states["rating"] > 0) | (states["reaction"] != NEUTRAL)
    only: NDArray[np.bool_] = (states["seen"] > 0) & ~(more | states["shared"] | states["hidden"])
    return only


def _in_favour(
    states: NDArray[np.void], p: ConfidenceParameters, watched: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Add up what speaks for the videos."""
    curve = np.clip((watched - p.watch_floor) / (p.watch_knee - p.watch_floor), 0, 1)
    stars = np.interp(states["rating"], (1, 2, 3, 4, 5), p.rating_weights)
    weight: NDArray[np.float64] = (
        p.watch_weight * curve
        + p.complete_weight * (states["watch_ratio"] >= COMPLETE)
        + np.where(states["rating"] > 0, stars, 0.0)
        + p.like_weight * (states["reaction"] == LIKE)
        + p.share_weight * states["shared"]
    )
    return weight


def _against(states: NDArray[np.void], p: ConfidenceParameters) -> NDArray[np.float64]:
    """Weigh the hides, and for all else the dislikes."""
    return np.where(states["hidden"], p.hide_weight, p.dislike_weight)
