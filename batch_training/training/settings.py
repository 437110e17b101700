"""What decides the model, apart from the code that imports `implicit`, which takes its time."""

from __future__ import annotations

import math
from typing import Literal, get_args

import msgspec

from data.confidence import ConfidenceParameters

Device = Literal["auto", "cpu", "gpu"]


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
    seed: int = 0
    threads: int = 0
    device: Device = "auto"
    check_every: int = 4
    tolerance: float = 0.002

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        at_least = {"factors": 1, "iterations": 1, "seed": 0, "threads": 0, "check_every": 0}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                msg = f"{name} = {getattr(self, name)} must be at least {least}"
                raise ValueError(msg)
        if self.device not in get_args(Device):
            msg = f"device = {self.device!r} must be one of {', '.join(get_args(Device))}"
            raise ValueError(msg)
        if not 0 <= self.tolerance < 1:
            msg = f"tolerance = {self.tolerance} must be at least 0 and below 1"
            raise ValueError(msg)
        if not 0 < self.regularization < math.inf:
            msg = f"regularization = {self.regularization} must be a finite number above 0"
            raise ValueError(msg)
