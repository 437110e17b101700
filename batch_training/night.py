"""Night: one run from events to a judged, frozen model, top to bottom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from batch_training.evaluate import UnseenSettings, choose_unseen, evaluate_unseen
from batch_training.histories import Histories, merge_events
from batch_training.progress import Progress, Stages
from batch_training.replay import ReplaySettings, replay
from batch_training.train import FitError, fit, freeze, training_set
from batch_training.train_settings import TrainSettings
from data.frozen_model import FrozenModel, InvalidModelError
from data.user_history import DEFAULT_LIMIT

if TYPE_CHECKING:
    from batch_training.events import Events
    from data.catalogue import Catalogue


class RefusedError(RuntimeError):
    """The night made no model that is fit to serve; the message says why."""


class NightSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides a night.

    Attributes
    ----------
    train, replay, unseen
        Settings of the parts.
    judged_share
        Of the events, the oldest that the judged model is trained on; the rest judge it.
    history_limit
        How many videos of a user are kept, by night and by day.
    """

    train: TrainSettings = TrainSettings()
    replay: ReplaySettings = ReplaySettings()
    unseen: UnseenSettings = UnseenSettings()
    judged_share: float = 0.9
    history_limit: int = DEFAULT_LIMIT

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if not 0 < self.judged_share < 1:
            msg = f"judged_share = {self.judged_share} must lie between 0 and 1"
            raise ValueError(msg)
        if self.history_limit < 1:
            msg = f"history_limit = {self.history_limit} must be at least 1"
            raise ValueError(msg)


class Figures(NamedTuple):
    """How good the night's way to make lists is; plain numbers for people and the manifest.

    Attributes
    ----------
    replayed
        How many events the replay looked at.
    replay
        Hit rate and MRR of ``live``, ``left_alone`` and ``popularity``.
    unseen
        NDCG, recall and coverage of ``model`` and ``popularity``; empty if there was nobody.
    """

    replayed: int
    replay: dict[str, dict[str, float]]
    unseen: dict[str, dict[str, float]]


class Night(NamedTuple):
    """What a night gives.

    Attributes
    ----------
    model
        Trained on everything; its metadata tell the settings, sizes and figures.
    histories
        Of all users, for the refresh.
    figures
        Of a model with the same settings, trained on the older part.
    seconds
        Wall time of each stage.
    """

    model: FrozenModel
    histories: Histories
    figures: Figures
    seconds: dict[str, float]


def run_night(
    events: Events, catalogue: Catalogue, settings: NightSettings, progress: Progress
) -> Night:
    """Judge the settings on the newest events, then train on everything.

    Raises
    ------
    RefusedError
        If the lists were no better than popularity, or training gave no model.
    """
    stages = Stages(progress)
    try:
        with stages.stage("Merge"):
            histories = merge_events(events, settings.history_limit)
        figures = _judge(events, histories, catalogue, settings, stages)
        model = _train(histories, catalogue, settings, stages, "Train on everything")
    except (FitError, InvalidModelError, np.linalg.LinAlgError) as error:
        msg = f"training gave no model that could be served: {error}"
        raise RefusedError(msg) from error
    facts = _facts(events, histories, model, settings) | {"quality": figures._asdict()}
    return Night(replace(model, metadata=facts), histories, figures, stages.seconds)


def _train(
    histories: Histories,
    catalogue: Catalogue,
    settings: NightSettings,
    stages: Stages,
    name: str,
) -> FrozenModel:
    with stages.stage(name):
        learnt_from = training_set(histories, settings.train.confidence)
        factors = fit(learnt_from.matrix, settings.train, stages.progress.step)
        blocked = catalogue.blocked_ids
        return freeze(factors, learnt_from, settings.train, blocked, settings.history_limit)


def _judge(
    events: Events,
    histories: Histories,
    catalogue: Catalogue,
    settings: NightSettings,
    stages: Stages,
) -> Figures:
    """Train on the older events, and replay the newer ones."""
    past, later = events.split(settings.judged_share)
    before = merge_events(past, settings.history_limit)
    model = _train(before, catalogue, settings, stages, "Train on the older events")
    with stages.stage("Replay the newer events"):
        scores = replay(model, before, later, settings.replay, stages.progress.step)
    replayed = scores.figures()
    _refuse_if_worse(len(scores.events), replayed)
    unseen = choose_unseen(histories, settings.unseen)
    model = _train(histories.take(~unseen), catalogue, settings, stages, "Train without some users")
    with stages.stage("Recommend to those users"):
        quality = evaluate_unseen(
            model, histories.take(unseen), settings.unseen, stages.progress.step
        )
    return Figures(len(scores.events), replayed, quality.figures() if quality else {})


def _refuse_if_worse(replayed: int, figures: dict[str, dict[str, float]]) -> None:
    """Refuse a model that is of no more use than the popular videos."""
    live, popularity = figures["live"]["hit_rate"], figures["popularity"]["hit_rate"]
    if not replayed:
        msg = "none of the newest events tells whether lists are good; train on a longer history"
        raise RefusedError(msg)
    if not live > popularity:
        msg = (
            f"the lists hold the next liked video in {live:.2%} of {replayed:,} cases, the popular "
            f"videos in {popularity:.2%}; nothing is published. Look at alpha, the regularization, "
            f"and whether the history is long enough"
        )
        raise RefusedError(msg)


def _facts(
    events: Events, histories: Histories, model: FrozenModel, settings: NightSettings
) -> dict[str, Any]:
    """Facts for people, in JSON types."""
    return {
        "settings": msgspec.to_builtins(settings),
        "data": {
            "events": len(events),
            "users": int(np.count_nonzero(histories.lengths)),
            "videos": model.n_items,
            "oldest_at": int(events.at[0]),
            "newest_at": int(events.at[-1]),
        },
    }
