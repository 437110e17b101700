"""Gate: whether the candidate may take the place of the model that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from data.up_next import rank_histories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.judgements import Judgement, Quality
    from data.frozen_model import FrozenModel
    from data.user_history import UserHistory

METRIC: Final = "hit_rate@10"
_COVERAGE: Final = "coverage@10"
_LENGTH: Final = 10
_VANISHING: Final = 1e-6  # of the median norm
_GREAT: Final = 1e4


class GateSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much worse a candidate may be.

    Attributes
    ----------
    margin
        Share of the serving model's hit rate that a candidate may lose. Beyond it, and with 95 %
        confidence, it is refused.
    min_coverage
        Share of the serving model's coverage that the candidate must reach.
    max_lost
        Share of the serving model's videos that the candidate may not know any more.
    max_fall
        Share by which hit rate and coverage may fall short of what the serving model's own night
        measured, where that model itself can't be judged.
    max_vanished
        Share of the videos whose factors may be next to nothing.
    """

    margin: float = 0.02
    min_coverage: float = 0.5
    max_lost: float = 0.2
    max_fall: float = 0.5
    max_vanished: float = 0.2

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) <= 1:
                msg = f"{name} = {getattr(self, name)} must be from 0 to 1"
                raise ValueError(msg)


def refusals(
    replayed: Judgement,
    candidate: FrozenModel,
    serving: FrozenModel | None,
    settings: GateSettings,
    *,
    itself: bool = False,
) -> list[str]:
    """Say why the candidate must not be published; empty when it may.

    Parameters
    ----------
    replayed
        The replay of events that neither model has seen; the candidate first.
    serving
        The model served now; None on the first night.
    itself
        Whether that model itself was judged. If not, its own night's figures are compared with:
        its settings trained anew would learn from tonight's data, however bad they are.
    """
    if not replayed.cases:
        return ["none of the newest events tells whether lists are good; give a longer history"]
    reasons = _quality(replayed, settings) + broken(candidate, settings)
    if serving is None:
        return reasons
    fallen = [] if itself else _fallen(replayed.ways[0], serving, settings)
    return reasons + fallen + _lost(candidate, serving, settings)


def _quality(replayed: Judgement, settings: GateSettings) -> list[str]:
    """Compare what the lists were worth."""
    reasons = []
    candidate, serving = replayed.ways[0], replayed.way("serving")
    popularity = replayed.way("popularity")
    own = candidate.figures[METRIC].mean
    if popularity and not own > (theirs := popularity.figures[METRIC].mean):
        reasons.append(
            f"the lists hold the next liked video in {own:.2%} of {replayed.cases:,} cases, the "
            f"popular videos in {theirs:.2%}; look at alpha, the regularization, and whether the "
            "history is long enough"
        )
    if serving is not None:
        reasons += _worse(candidate, serving, settings)
    return reasons


def _worse(candidate: Quality, serving: Quality, settings: GateSettings) -> list[str]:
    reasons = []
    lead, theirs = serving.less_candidate[METRIC], serving.figures[METRIC].mean
    if lead.low > settings.margin * theirs:
        reasons.append(
            f"on events that neither has seen, the lists hold the next liked video in "
            f"{candidate.figures[METRIC].mean:.2%} of all cases, those of the serving model in "
            f"{theirs:.2%}: {lead.mean:.2%} more, with 95 % confidence at least {lead.low:.2%}, "
            f"where {settings.margin * theirs:.2%} may be lost (gate_margin)"
        )
    own, before = candidate.figures[_COVERAGE].mean, serving.figures[_COVERAGE].mean
    if own < settings.min_coverage * before:
        reasons.append(
            f"the lists hold {own:.1%} of the catalogue, those of the serving model {before:.1%}; "
            f"less than {settings.min_coverage:.0%} of it is too little"
        )
    return reasons


def _fallen(candidate: Quality, serving: FrozenModel, settings: GateSettings) -> list[str]:
    """Compare with what the serving model's own night measured, on other events."""
    reasons = []
    for metric, name in ((METRIC, "hit rate"), (_COVERAGE, "coverage")):
        own, last = candidate.figures[metric].high, last_figure(serving, metric)
        if last is not None and own < (1 - settings.max_fall) * last:
            reasons.append(
                f"the {name} fell from {last:.1%}, which the serving model's own night measured, "
                f"to {own:.1%} at most (95 %); more than {settings.max_fall:.0%} (max_fall) says "
                "that something is wrong with the data or the settings"
            )
    return reasons


def last_figure(model: FrozenModel, metric: str = METRIC) -> float | None:
    """Read what a model's own night measured by replay; None if it doesn't tell."""
    try:
        return float(model.metadata["quality"]["replay"]["candidate"][metric])
    except (KeyError, TypeError, ValueError):
        return None


def _lost(candidate: FrozenModel, serving: FrozenModel, settings: GateSettings) -> list[str]:
    lost = np.count_nonzero(candidate.vocabulary.rows(serving.vocabulary.ids) < 0)
    if lost <= settings.max_lost * serving.n_items:
        return []
    reason = (
        f"{lost:,} of the {serving.n_items:,} videos that the serving model knows are gone; at "
        f"most {settings.max_lost:.0%} may be lost in one night (max_lost)"
    )
    return [reason]


def broken(model: FrozenModel, settings: GateSettings) -> list[str]:
    """Say what is wrong with a model's numbers, whatever they were judged to be worth.

    That they are finite was checked when the model was put together.
    """
    norms = np.linalg.norm(model.item_factors.astype(np.float64), axis=1)
    middle = float(np.median(norms))
    if middle <= 0:
        return ["the factors of most videos are nothing at all; the fit learnt nothing"]
    reasons = []
    vanished = float(np.mean(norms < _VANISHING * middle))
    if vanished > settings.max_vanished:
        reasons.append(
            f"the factors of {vanished:.1%} of the videos are next to nothing; more than "
            f"{settings.max_vanished:.0%} says that the fit went wrong"
        )
    if norms.max() > _GREAT * middle:
        reasons.append(
            f"the factors of video {model.vocabulary.ids[int(norms.argmax())]!r} are "
            f"{norms.max() / middle:,.0f} times as long as those of most; the fit went wrong"
        )
    return reasons


def does_not_answer(model: FrozenModel, histories: Sequence[UserHistory]) -> list[str]:
    """Fold some users in, and say what is wrong with the lists that come of it."""
    listable = model.n_items - int(np.count_nonzero(model.blocked))
    if not listable:
        return ["every video is blocked, so that there is nothing to recommend"]
    try:
        ranking = rank_histories(model, histories, _LENGTH)
    except np.linalg.LinAlgError as error:
        return [f"nobody can be folded in: {error}"]
    reasons = []
    if np.isnan(ranking.scores).any():
        reasons.append("the test fold-in gave scores that are no numbers")
    known = np.array([len(history) for history in histories])
    room = np.clip(listable - known, 0, _LENGTH)
    if (np.count_nonzero(ranking.rows >= 0, axis=1) < room).any():
        reasons.append("the test fold-in gave lists with empty places")
    return reasons
