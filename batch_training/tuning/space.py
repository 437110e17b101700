"""Space: what a search may move, how far, and on which scale.

One more line in `_ALL` is one more parameter: its name is the flat one of a setting (see
`batch_training.training.flat`), and `_NEEDS` says which signal
it speaks of, if any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.training.flat import flat_values
from batch_training.training.prior import RECENT
from batch_training.tuning.parameter import DIGITS, STARS, Parameter
from data.video_state import DISLIKE, LIKE, place_times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray
    from optuna.trial import BaseTrial

    from batch_training.merging.histories import Histories
    from batch_training.training.flat import Value
    from batch_training.training.settings import TrainSettings

_DAY_MS: Final = 86_400_000
_LEAST_STARS: Final = 0.2
_CURVE: Final = 0.1  # at least, from the floor of the watches to the knee


_ALL: Final = (
    Parameter("factors", 32, 256, "whole", step=32, refits=True),
    Parameter("iterations", 4, 24, "whole", step=4, refits=True),
    Parameter("regularization", 1.0, 1_000.0, "log", refits=True),
    Parameter("alpha", 0.3, 100.0, "log", refits=True),
    Parameter(STARS, 0.0, 0.5, "linear", refits=True),
    Parameter("like_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("share_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("dislike_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("hide_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("watch_floor", 0.0, 0.5, "linear", refits=True),
    Parameter("watch_knee", 0.6, 1.5, "linear", refits=True),
    Parameter("complete_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("skip_weight", 0.0, 4.0, "from zero", refits=True),
    Parameter("duration_share", 0.0, 1.0, "linear", refits=True),
    Parameter("half_life", 0.5, 200.0, "log"),
    Parameter("prior_weight", 0.0, 3.0, "from zero"),
    Parameter("prior_half_life_days", 0.02, 2_000.0, "log"),
    Parameter("follow_weight", 0.0, 30.0, "from zero"),
    Parameter("follow_half_life", 0.5, 30.0, "log"),
    Parameter("follow_window", 1, 10, "whole"),
    Parameter("follow_width", 10, 50, "whole", step=10),
    Parameter("follow_shrinkage", 1.0, 1_000.0, "log"),
    Parameter("follow_discount", 0.0, 1.0, "linear"),
)
_IN_TIME: Final = frozenset({"half_life"} | {p.name for p in _ALL if p.name.startswith("follow_")})


_NEEDS: Final = {
    STARS: "rating",
    "like_weight": "like",
    "share_weight": "share",
    "dislike_weight": "dislike",
    "hide_weight": "hide",
    "duration_share": "duration",
} | dict.fromkeys(("watch_floor", "watch_knee", "complete_weight", "skip_weight"), "watch")


def _is_of_use(name: str, kinds: Collection[str]) -> bool:
    """Whether data with signals of these kinds have a use for a parameter.

    Where there is one kind only, its weight would do what alpha does.
    """
    needed = _NEEDS.get(name)
    alone = len(kinds) == 1 and name in {"like_weight", "share_weight"}
    return needed is None or (needed in kinds and not alone)


def kinds_in(states: NDArray[np.void]) -> frozenset[str]:
    """Tell which signals there are in what is known of users and videos."""
    found = {
        "watch": states["watch_ratio"] > 0,
        "rating": states["rating"] > 0,
        "like": states["reaction"] == LIKE,
        "share": states["shared"],
        "dislike": states["reaction"] == DISLIKE,
        "hide": states["hidden"],
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
        durations: NDArray[np.float64] | None = None,
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
        durations
            As for `batch_training.training.train.training_set`.
        """
        kinds = kinds_in(histories.states)
        if durations is not None and np.isfinite(durations).any() and "watch" in kinds:
            kinds |= {"duration"}
        start = _starts(base, histories)
        off = tuple(part for part in ("prior_", "follow_") if not start[f"{part}weight"])
        off = tuple(part for part in off if f"{part}weight" in fixed)
        chosen = tuple(
            _within(p, start, fixed)
            for p in _ALL
            if _is_of_use(p.name, kinds)
            and p.setting not in fixed
            and not p.name.startswith(off)
            and (in_time or p.name not in _IN_TIME)
        )
        return cls(chosen, {p.name: start[p.name] for p in chosen})

    def ask(self, trial: BaseTrial) -> dict[str, Value]:
        """Let a trial choose; gives flat values for `batch_training.training.flat.with_values`."""
        asked = {p: p.ask(trial) for p in self.parameters}
        return {p.setting: _stars(v) if p.name == STARS else v for p, v in asked.items()}

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


def _within(p: Parameter, start: Mapping[str, float], fixed: Collection[str]) -> Parameter:
    """Keep the knee above a floor that is given, and the floor below such a knee."""
    if p.name == "watch_knee" and "watch_floor" in fixed:
        low = max(p.low, start["watch_floor"] + _CURVE)
        return msgspec.structs.replace(p, low=low, high=max(p.high, low + _CURVE))
    if p.name == "watch_floor" and "watch_knee" in fixed:
        return msgspec.structs.replace(p, high=min(p.high, start["watch_knee"] * 0.9))
    return p


def _stars(slope: float) -> tuple[float, ...]:
    """Weights of 1 to 5 stars, where four weigh 1."""
    return tuple(round(max(_LEAST_STARS, 1 + slope * (stars - 4)), DIGITS) for stars in range(1, 6))


def _starts(base: TrainSettings, histories: Histories) -> dict[str, float]:
    """Give the value with which each parameter begins."""
    values = flat_values(base)
    weights = base.confidence.rating_weights
    start = {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
    start[STARS] = weights[4] - weights[3]
    start["half_life"] = start["half_life"] or np.inf
    start["prior_half_life_days"] = start["prior_half_life_days"] or _recent_days(histories)
    return start


def _recent_days(histories: Histories) -> float:
    """Tell how long the newest tenth of what users did took."""
    at = place_times(histories.states)
    if not len(at):
        return 1.0
    return float(at.max() - np.quantile(at, 1 - RECENT)) / _DAY_MS
