"""Parts: what is added to the plain factors has to be worth it, or is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from batch_training.judging.bootstrap import intervals
from batch_training.training.flat import flat_values, with_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_training.judgements import Interval
    from batch_training.training.settings import TrainSettings
    from batch_training.tuning.study import Search

PARTS: Final[Mapping[str, str]] = {
    "prior_weight": "recent popularity",
    "follow_weight": "follow-ups",
    "half_life": "recency",
}
"""Each is switched off by a 0; with what people call it."""
_LEAST_GAIN: Final = 0.01  # a share: what brings less is not worth its keep, however sure


class Gain(NamedTuple):
    """What a part of the best settings brings.

    Attributes
    ----------
    part
        See `PARTS`.
    gain
        By how much lists are better with it than without, with the 95 % interval over users.
    kept
        Whether that is worth it.
    """

    part: str
    gain: Interval
    kept: bool


def without_useless(search: Search, best: TrainSettings) -> tuple[TrainSettings, list[Gain]]:
    """Switch off the parts whose gain is small or not sure, the least useful first.

    The best of many trials always has something of all parts, some of it by chance.

    Returns
    -------
    The settings that are left, and what each part brings to those that it was tried on.
    """
    gains: dict[str, Gain] = {}
    while True:
        on = [p for p in PARTS if flat_values(best)[p] and (p not in gains or gains[p].kept)]
        for part in on:
            gains[part] = _gain(search, best, part)
        useless = [gains[part] for part in on if not gains[part].kept]
        if not useless:
            return best, list(gains.values())
        least = min(useless, key=lambda gain: gain.gain.mean)
        best = with_values(best, {least.part: 0})
        for other in useless:
            if other is not least:  # may be worth it without the least useful
                del gains[other.part]


def _gain(search: Search, best: TrainSettings, part: str) -> Gain:
    with_it, without = search.worth(best), search.worth(with_values(best, {part: 0}))
    gain = intervals((with_it - without)[:, None], search.fits.bench.users)[0]
    is_worth_it = gain.low > 0 and gain.mean > _LEAST_GAIN * without.mean()
    return Gain(part, gain, bool(is_worth_it))
