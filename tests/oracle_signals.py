"""The slow, obvious twin of what a user did with a video, as one number.

As `tests.oracle`, of which it is a part, it imports nothing of what it checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    State = dict[str, Any]

LIKED, DISLIKED = 1, 2
TO_THE_END = 0.98


class WatchScale(TypedDict):
    """The bucket of each row, 0 for none, and the quantiles of each bucket, from 1 on."""

    bucket: Sequence[int]
    knots: Sequence[Sequence[float]]


def unwanted(state: State) -> bool:
    """Whether the user hid or dislikes the video."""
    return bool(state["hidden"]) or state["reaction"] == DISLIKED


def confidence(
    state: State,
    parameters: Mapping[str, Any],
    age: int | None = None,
    ratio: float | None = None,
) -> float:
    """Confidence of one video; for training where no ``age`` is given. 0 where nothing is said.

    ``ratio`` stands for the watch ratio, where it is given.
    """
    said = state["seen"] or state["reaction"] or state["shared"] or state["hidden"]
    if not said:
        return 0.0
    ratio = state["watch_ratio"] if ratio is None else ratio
    against = unwanted(state) or skipped(state, ratio, parameters)
    weigh = _against if against else _in_favour
    weight = weigh(state, ratio, parameters) * (1 if age is None else left_of(age, parameters))
    value = float(1 + parameters["alpha"] * weight)
    return -value if against else value


def _in_favour(state: State, ratio: float, parameters: Mapping[str, Any]) -> float:
    """Add up what speaks for a video."""
    weight: float = parameters["watch_weight"] * _curve(ratio, parameters)
    if state["watch_ratio"] >= TO_THE_END:
        weight += parameters["complete_weight"]
    if state["rating"]:
        weight += _weight_of_stars(state["rating"], parameters["rating_weights"])
    if state["reaction"] == LIKED:
        weight += parameters["like_weight"]
    if state["shared"]:
        weight += parameters["share_weight"]
    return weight


def _against(state: State, _ratio: float, parameters: Mapping[str, Any]) -> float:
    """Weigh the worst that speaks against a video: a hide before a dislike before a skip."""
    if state["hidden"]:
        return float(parameters["hide_weight"])
    disliked = state["reaction"] == DISLIKED
    return float(parameters["dislike_weight" if disliked else "skip_weight"])


def _curve(ratio: float, parameters: Mapping[str, Any]) -> float:
    """Read the curve of a watch: 0 up to the floor, 1 from the knee on, a line between."""
    floor, knee = parameters["watch_floor"], parameters["watch_knee"]
    if ratio <= floor:
        return 0.0
    return 1.0 if ratio >= knee else float((ratio - floor) / (knee - floor))


def skipped(state: State, ratio: float, parameters: Mapping[str, Any]) -> bool:
    """Whether all that is said of a video is that it was hardly watched."""
    more = state["rating"] or state["reaction"] or state["shared"] or state["hidden"]
    return bool(state["seen"]) and not more and ratio < parameters["watch_floor"]


def effective_ratio(scale: WatchScale | None, share: float, row: int, ratio: float) -> float:
    """Let the quantile among the watches of like duration take its share of a watch ratio."""
    if scale is None or ratio == 0 or scale["bucket"][row] == 0:
        return ratio
    knots = scale["knots"][scale["bucket"][row] - 1]
    below = sum(knot < ratio for knot in knots)
    equal = sum(knot == ratio for knot in knots)
    return float((1 - share) * ratio + share * (below + equal / 2) / len(knots))


def left_of(age: int, parameters: Mapping[str, Any]) -> float:
    """How much is left of a video with so many newer ones; nothing after 20 half-lives."""
    half_life = parameters["half_life"]
    if half_life is None:
        return 1.0
    return 0.0 if age > 20 * half_life else float(0.5 ** (age / half_life))


def _weight_of_stars(stars: float, weights: Sequence[float]) -> float:
    """Read the weight between the two whole stars around; below 1 it is that of 1."""
    if stars <= 1:
        return weights[0]
    lower = min(int(stars), 4)
    share = stars - lower
    return (1 - share) * weights[lower - 1] + share * weights[lower]
