"""Drift: tonight's data next to last night's; a fall may mean that half of them are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from batch_training.reading.event_tally import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_training.night_report import DataFacts

_COMMON: Final = 0.01  # share of the events from which on a kind is worth comparing
_RISE: Final = 3.0


def drift(now: DataFacts, last: DataFacts, max_fall: float = 0.5) -> list[str]:
    """Find what fell so far that the data can't be whole.

    Events, users and videos, the share of each kind that had at least 1 % of the events last
    night, and the 10 %, 50 % and 90 % quantiles of the watch ratio.

    Parameters
    ----------
    now, last
        Of this night and of the last one.
    max_fall
        The greatest fall that is borne, as a share of what was there last night; from 0 to 1.

    Returns
    -------
    A sentence for each fall beyond that.
    """
    return [
        f"{name} fell from {_shown(then)} last night to {_shown(here)}, by "
        f"{1 - here / then:.1%}; max_fall bears {max_fall:.1%}. Are all files there?"
        for name, here, then in _pairs(now, last)
        if then > 0 and here < (1 - max_fall) * then
    ]


def rises(now: DataFacts, last: DataFacts) -> list[str]:
    """Find what rose beyond three times of last night: worth a look, and no reason to stop."""
    return [
        f"{name} rose from {_shown(then)} last night to {_shown(here)}, {here / then:.1f} times "
        "as much"
        for name, here, then in _pairs(now, last)
        if then > 0 and here > _RISE * then
    ]


def _pairs(now: DataFacts, last: DataFacts) -> Iterator[tuple[str, float, float]]:
    """Give what is compared: its name, now and last night."""
    for name in ("events", "users", "videos"):
        yield f"the number of {name}", getattr(now, name), getattr(last, name)
    for kind, count in last.kinds.items():
        if count >= _COMMON * last.events:
            share = now.kinds.get(kind, 0) / max(now.events, 1)
            yield f"the share of the kind {kind}", share, count / last.events
    # Either is empty where nothing was watched; the share of the kind tells that.
    for share, here, then in zip(QUANTILES, now.watch_ratio, last.watch_ratio, strict=False):
        yield f"the {share:.0%} quantile of the watch ratio", here, then


def _shown(number: float) -> str:
    """Write counts as counts, and the rest with what matters."""
    return f"{number:,}" if isinstance(number, int) else f"{number:.4g}"
