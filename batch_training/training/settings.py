"""What decides the model, apart from the code that imports `implicit`, which takes its time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from data.confidence import ConfidenceParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

Device = Literal["auto", "cpu", "gpu"]


def _refuse_below(settings: msgspec.Struct, at_least: Mapping[str, int]) -> None:
    """Refuse what is too small, infinite or not a number."""
    for name, least in at_least.items():
        value = getattr(settings, name)
        if not least <= value < math.inf:
            msg = f"{name} = {value} must be a finite number, at least {least}"
            raise ValueError(msg)


class PriorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much the recent views of a video add to its score, see `batch_training.training.prior`.

    Attributes
    ----------
    weight
        Of the video with the most; 0 for no prior. A video that a user surely wants scores 1.
    half_life_days
        A view counts half after so many days; 0 for as long as the newest tenth of all views took.
    """

    weight: float = 0.0
    half_life_days: float = 0.0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        _refuse_below(self, {"weight": 0, "half_life_days": 0})


class FollowUpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What people watch soon after a video, see `batch_training.training.follow_ups`.

    Attributes
    ----------
    weight
        Of the sum over the user's recent videos; 0 for no follow-ups.
    half_life
        In videos of the user, for that sum.
    window
        How many places after a video count as soon.
    width
        How many follow-ups are kept of each video.
    shrinkage
        Added to the number of what followed a video, so that few users say less.
    discount
        Power of a video's popularity by which its score is divided.
    """

    weight: float = 4.0
    half_life: float = 3.0
    window: int = 5
    width: int = 50
    shrinkage: float = 100.0
    discount: float = 0.0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        _refuse_below(self, {"weight": 0, "window": 1, "width": 1, "shrinkage": 0, "discount": 0})
        if not 0 < self.half_life < math.inf:
            msg = f"half_life = {self.half_life} must be a finite number above 0"
            raise ValueError(msg)


class TrainSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the model; the defaults were chosen by the replay.

    Attributes
    ----------
    factors
        Length of a video's vector, k.
    iterations
        Rounds of alternating least squares.
    regularization
        λ, the same for every user and video. It belongs to the scale of the confidence: tune
        the two together.
    confidence
        The mapping from what a user did to the stored value.
    prior, follow_ups
        What is added to the product of the factors.
    seed
        Of the first factors.
    threads
        0 for one on each core. The result doesn't depend on it.
    device
        ``auto`` takes the GPU where there is one that works.
    check_every
        Iterations between two looks at loss and probe; 0 for never.
    tolerance
        Relative fall of the loss from look to look below which it no longer moves. A fit stops
        early when neither loss nor probe moves; without a probe it never does.
    """

    factors: int = 128
    iterations: int = 16
    regularization: float = 70.0
    confidence: ConfidenceParameters = ConfidenceParameters()
    prior: PriorSettings = PriorSettings()
    follow_ups: FollowUpSettings = FollowUpSettings()
    seed: int = 0
    threads: int = 0
    device: Device = "auto"
    check_every: int = 4
    tolerance: float = 0.002

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        _refuse_below(
            self, {"factors": 1, "iterations": 1, "seed": 0, "threads": 0, "check_every": 0}
        )
        if self.device not in get_args(Device):
            msg = f"device = {self.device!r} must be one of {', '.join(get_args(Device))}"
            raise ValueError(msg)
        if not 0 <= self.tolerance < 1:
            msg = f"tolerance = {self.tolerance} must be at least 0 and below 1"
            raise ValueError(msg)
        if not 0 < self.regularization < math.inf:
            msg = f"regularization = {self.regularization} must be a finite number above 0"
            raise ValueError(msg)
