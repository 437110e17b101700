"""Space: what a search may move, how far, and on which scale.

One more line in `_ALL` is one more parameter: its name is the flat one of a setting (see
`batch_training.training.flat`), and `_needs` says which data have a use for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec
import numpy as np

from batch_training.training.flat import flat_values
from data.video_state import DISLIKE, LIKE, place_times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray
    from optuna.trial import BaseTrial

    from batch_training.merging.histories import Histories
    from batch_training.training.flat import Value
    from batch_training.training.settings import TrainSettings

Scale = Literal["linear", "log", "from zero", "whole"]
_DAY_MS: Final = 86_400_000
_POWER: Final = 3  # "from zero": finer the nearer to zero, which is among the values
_DIGITS: Final = 4  # that a value keeps, so that people can read it
_SPREAD: Final = 0.15  # of the whole width: how far the first trials move from the defaults
_STARS: Final = "rating_slope"
_LEAST_STARS: Final = 0.2
_RECENT: Final = 0.1  # share of the views that are recent, as in `batch_training.training.prior`


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
        return "rating_weights" if self.name == _STARS else self.name

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
        return float(f"{value:.{_DIGITS}g}")


_ALL: Final = (
    Parameter("factors", 32, 256, "whole", step=32, refits=True),
    Parameter("iterations", 4, 24, "whole", step=4, refits=True),
    Parameter("regularization", 1.0, 1_000.0, "log", refits=True),
    Parameter("alpha", 0.3, 100.0, "log", refits=True),
    Parameter(_STARS, 0.0, 0.5, "linear", refits=True),
    Parameter("like_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("share_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("dislike_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("half_life", 0.5, 200.0, "log"),
    Parameter("prior_weight", 0.0, 3.0, "from zero"),
    Parameter("prior_half_life_days", 0.02, 2_000.0, "log"),
    Parameter("follow_weight", 0.0, 30.0, "from zero"),
    Parameter("follow_half_life", 0.5, 30.0, "log"),
    Parameter("follow_window", 1, 10, "whole"),
    Parameter("follow_shrinkage", 1.0, 1_000.0, "log"),
    Parameter("follow_discount", 0.0, 1.0, "linear"),
)
_IN_TIME: Final = frozenset({"half_life"} | {p.name for p in _ALL if p.name.startswith("follow_")})


def _needs(name: str, kinds: Collection[str]) -> bool:
    """Whether data with signals of these kinds have a use for a parameter.

    Where there is one kind only, its weight would do what alpha does.
    """
    needed = {_STARS: "rating"}.get(name, name.removesuffix("_weight"))
    return needed not in _SIGNALS or (
        needed in kinds and (name == _STARS or bool(set(kinds) - {needed}))
    )


_SIGNALS: Final = frozenset({"watch", "rating", "like", "share", "dislike"})


def kinds_in(states: NDArray[np.void]) -> frozenset[str]:
    """Tell which signals there are in what is known of users and videos."""
    found = {
        "watch": states["watch_ratio"] > 0,
        "rating": states["rating"] > 0,
        "like": states["reaction"] == LIKE,
        "share": states["shared"],
        "dislike": (states["reaction"] == DISLIKE) | states["hidden"],
    }
    return frozenset(kind for kind, which in found.items() if which.any())


class Space(NamedTuple):
    """What a search moves on certain data.

    Attributes
    ----------
    parameters
        Those that the data have a use for, and nobody has fixed.
    defaults
        What the search begins with, by name.
    """

    parameters: tuple[Parameter, ...]
    defaults: dict[str, float]

    @classmethod
    def of(
        cls,
        histories: Histories,
        base: TrainSettings,
        fixed: Collection[str] = (),
        *,
        in_time: bool = True,
    ) -> Space:
        """Choose the parameters.

        Parameters
        ----------
        histories
            What the models are trained on.
        base
            The settings that the search begins with.
        fixed
            Settings that are not to be moved.
        in_time
            Whether the lists know an order in time.
        """
        kinds = kinds_in(histories.states)
        start = _starts(base, histories)
        chosen = tuple(
            p
            for p in _ALL
            if _needs(p.name, kinds)
            and p.setting not in fixed
            and (in_time or p.name not in _IN_TIME)
        )
        return cls(chosen, {p.name: start[p.name] for p in chosen})

    def ask(self, trial: BaseTrial) -> dict[str, Value]:
        """Let a trial choose; gives flat values for `batch_training.training.flat.with_values`."""
        asked = {p: p.ask(trial) for p in self.parameters}
        return {p.setting: _stars(v) if p.name == _STARS else v for p, v in asked.items()}

    def told(self, values: Mapping[str, float]) -> dict[str, float]:
        """Give what a trial has to choose for these values."""
        return {p.name: p.told(values[p.name]) for p in self.parameters if p.name in values}

    def near_defaults(self, random: np.random.Generator) -> dict[str, float]:
        """Draw what a trial could choose near the defaults."""
        return {p.name: p.near(p.told(self.defaults[p.name]), random) for p in self.parameters}

    @property
    def settings(self) -> frozenset[str]:
        """Flat names of the settings that are moved."""
        return frozenset(p.setting for p in self.parameters)

    @property
    def refits(self) -> frozenset[str]:
        """Names of those for which the factors have to be fitted anew."""
        return frozenset(p.name for p in self.parameters if p.refits)


def _stars(slope: float) -> tuple[float, ...]:
    """Weights of 1 to 5 stars, where four weigh 1."""
    return tuple(
        round(max(_LEAST_STARS, 1 + slope * (stars - 4)), _DIGITS) for stars in range(1, 6)
    )


def _starts(base: TrainSettings, histories: Histories) -> dict[str, float]:
    """Give the value with which each parameter begins."""
    values = flat_values(base)
    weights = base.confidence.rating_weights
    start = {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
    start[_STARS] = weights[4] - weights[3]
    start["half_life"] = start["half_life"] or np.inf
    start["prior_half_life_days"] = start["prior_half_life_days"] or _recent_days(histories)
    return start


def _recent_days(histories: Histories) -> float:
    """Tell how long the newest tenth of what users did took."""
    at = place_times(histories.states)
    if not len(at):
        return 1.0
    return float(at.max() - np.quantile(at, 1 - _RECENT)) / _DAY_MS
