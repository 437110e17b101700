"""What decides the model, apart from the code that imports `implicit`, which takes its time."""

from __future__ import annotations

import math

import msgspec

from data.confidence import ConfidenceParameters


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
    """

    factors: int = 128
    iterations: int = 16
    regularization: float = 70.0
    confidence: ConfidenceParameters = ConfidenceParameters()
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        for name, least in (("factors", 1), ("iterations", 1), ("seed", 0), ("threads", 0)):
            if getattr(self, name) < least:
                msg = f"{name} = {getattr(self, name)} must be at least {least}"
                raise ValueError(msg)
        if not 0 < self.regularization < math.inf:
            msg = f"regularization = {self.regularization} must be a finite number above 0"
            raise ValueError(msg)
