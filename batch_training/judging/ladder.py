"""Ladder: what each part of a model brings, alone and together, on the same cases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from batch_training.judgements import Ladder, Rung
from batch_training.judging.bootstrap import intervals
from batch_training.judging.cases import make_lists
from batch_training.judging.measure import HIT_RATE, METRICS, TOP
from batch_training.judging.peers import ItemItemWay, PopularWay
from batch_training.judging.ways import ModelWay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from batch_training.judging.cases import Cases
    from batch_training.judging.measure import Ruler
    from batch_training.judging.ways import LeftAlone, Way
    from data.frozen_model import FrozenModel
    from data.vocabulary import Vocabulary

LIVE: Final = "live"
WHOLE: Final = "candidate"
_TIE: Final = 1e-6  # popularity decides between videos that nothing else tells apart


def parts_of(model: FrozenModel) -> tuple[str, ...]:
    """Name the parts that a model has beside its factors."""
    has = {
        "recency": model.confidence.half_life is not None,
        "prior": bool(model.prior.any()),
        "follow_ups": model.follow_ups is not None,
    }
    return tuple(name for name, is_on in has.items() if is_on)


def rungs(whole: ModelWay, offered: FrozenModel | None = None) -> list[ModelWay]:
    """Take a model apart: its factors alone, with each part alone, and all together.

    Parameters
    ----------
    whole
        Named as it comes; the rung of what is served.
    offered
        The same factors with more parts to be shown than the model has; None for no more.

    Returns
    -------
    The factors alone (``live``), then ``recency``, ``prior`` and ``follow_ups`` on top of them,
    ``follow_ups_alone`` without the factors, the whole, and ``everything`` where more is offered.
    A part that isn't there has no rung, and neither has one that makes the whole by itself.
    """
    source = offered or whole.model
    has = parts_of(whole.model)
    live = replace(source.flat, prior=np.zeros_like(source.prior))
    taken = {
        "recency": replace(live, confidence=source.confidence),
        "prior": replace(live, prior=source.prior),
        "follow_ups": replace(live, follow_ups=source.follow_ups),
    }
    models = {LIVE: live} if has or offered else {}
    models |= {name: taken[name] for name in parts_of(source) if has != (name,)}
    if source.follow_ups:
        models["follow_ups_alone"] = _without_factors(taken["follow_ups"])
    models[whole.name] = whole.model
    if parts_of(source) != has:
        models["everything"] = source
    return [replace(whole, name=name, model=model) for name, model in models.items()]


def _without_factors(model: FrozenModel) -> FrozenModel:
    """Let the follow-ups alone decide, and popularity where they say nothing."""
    tie = model.popularity * np.float32(_TIE / max(1.0, float(model.popularity.max())))
    return replace(model, item_factors=np.zeros_like(model.item_factors), prior=tie)


def ladder_ways(
    left_alone: LeftAlone, peers: Sequence[Way], offered: FrozenModel | None = None
) -> list[Way]:
    """Give all ways of a ladder, from the simplest on; last come the peers that learn.

    Parameters
    ----------
    left_alone
        Of the model that is taken apart.
    """
    popular = [peer for peer in peers if isinstance(peer, PopularWay)]
    ways: list[Way] = [*popular, left_alone, *rungs(left_alone.way, offered)]
    for peer in peers:
        if isinstance(peer, ItemItemWay):
            if peer.reader.confidence.half_life is not None:
                ways.append(replace(peer.flat, name=f"{peer.name}_flat"))
            ways.append(peer)
    return ways


def climb(
    ways: Sequence[Way],
    cases: Cases,
    videos: Vocabulary,
    ruler: Ruler,
    metric: str = HIT_RATE,
    on_lists: Callable[[int], None] = lambda _more: None,
) -> Ladder:
    """Judge the ways of a ladder on the same cases.

    Parameters
    ----------
    ways
        See `ladder_ways`.
    videos
        Id of each code.
    metric
        One of those that look at the first 10 places.
    on_lists
        Is told how many more cases are done.
    """
    made = make_lists(ways, cases, videos, TOP, on_lists)
    column = METRICS.index(metric)
    worths = {name: ruler.worth(lists, cases)[:, column] for name, lists in made.items()}
    return Ladder(
        metric=metric,
        cases=len(cases),
        users=len(np.unique(cases.users)),
        parts=_parts_of_whole(ways),
        rungs=compared(worths, cases.users, ruler),
    )


def _parts_of_whole(ways: Sequence[Way]) -> tuple[str, ...]:
    whole = (way for way in ways if isinstance(way, ModelWay) and way.name == WHOLE)
    return parts_of(next(whole).model)


def compared(
    worths: dict[str, NDArray[np.float64]], users: NDArray[np.int64], ruler: Ruler
) -> tuple[Rung, ...]:
    """Give what each way is worth, and its paired differences to the live fold-in and the whole.

    Parameters
    ----------
    worths
        By way: shape (n_lists,). Without ``live`` the whole is the factors alone.
    users
        Shape (n_lists,): whose lists they are.
    """
    if not len(users):
        return ()
    whole = worths[WHOLE]
    live = worths.get(LIVE, whole)
    columns = [values - base for values in worths.values() for base in (0, live, whole)]
    found = intervals(np.column_stack(columns), users, ruler.seed, ruler.resamples)
    return tuple(
        Rung(name=name, figure=found[at], over_live=found[at + 1], less_whole=found[at + 2])
        for name, at in zip(worths, range(0, len(found), 3), strict=True)
    )
