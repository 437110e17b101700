"""Parameter: one thing that a search may move, and the scale on which it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Scale = Literal["linear", "log", "from zero", "whole"]
STARS: Final = "rating_slope"
DIGITS: Final = 4  # that a value keeps, so that people can read it
_POWER: Final = 3  # "from zero": finer the nearer to zero, which is among the values
_SPREAD: Final = 0.15  # of the whole width: how far some trials move from the defaults


class Parameter(msgspec.Struct, frozen=True):
    """What the search may move.

    Attributes
    ----------
    name
        The flat name of a setting; or the slope of a straight line through its five numbers.
    low, high
        Bounds of its value.
    scale
        In which steps of like weight are evenly spaced.
    step
        Of a whole number.
    refits
        Whether the factors have to be fitted anew.
    """

    name: str
    low: float
    high: float
    scale: Scale
    step: int = 1
    refits: bool = False

    @property
    def setting(self) -> str:
        """The flat name of the setting that it decides."""
        return "rating_weights" if self.name == STARS else self.name

    def ask(self, trial: BaseTrial) -> float:
        """Let a trial choose a value."""
        if self.scale == "whole":
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=self.step)
        if self.scale == "from zero":
            return self._rounded(self.high * trial.suggest_float(self.name, 0, 1) ** _POWER)
        is_log = self.scale == "log"
        return self._rounded(trial.suggest_float(self.name, self.low, self.high, log=is_log))

    def told(self, value: float) -> float:
        """Give what a trial has to choose for a value, or for the nearest within the bounds."""
        inside = min(max(value, self.low), self.high)
        if self.scale == "whole":
            return int(self.low + round((inside - self.low) / self.step) * self.step)
        return float((inside / self.high) ** (1 / _POWER)) if self.scale == "from zero" else inside

    def near(self, told: float, random: np.random.Generator) -> float:
        """Draw what a trial could choose near another choice; reflected at the bounds."""
        low, high = (0.0, 1.0) if self.scale == "from zero" else (self.low, self.high)
        is_log = self.scale == "log"
        ends = np.log([low, high, told]) if is_log else np.array([low, high, told])
        width = ends[1] - ends[0]
        moved = abs(float(ends[2] - ends[0]) + random.normal(0, _SPREAD * width))
        place = float(ends[0]) + max(0.0, width - abs(width - moved))
        if self.scale == "whole":
            return self.told(place)
        return min(max(float(np.exp(place)) if is_log else place, low), high)

    @staticmethod
    def _rounded(value: float) -> float:
        return float(f"{value:.{DIGITS}g}")
