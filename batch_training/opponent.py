"""Opponent: what a candidate is compared with, so that neither has seen what it is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from batch_training.training.settings import TrainSettings

if TYPE_CHECKING:
    from batch_training.judging.window import Window
    from batch_training.night_settings import NightSettings
    from data.frozen_model import FrozenModel


class Opponent(NamedTuple):
    """What a candidate is compared with.

    Attributes
    ----------
    model
        The serving model itself; None if it can't be.
    train, min_support
        Settings to train on the same events instead; None if they need not be.
    how
        How the comparison was made, for people.
    """

    model: FrozenModel | None
    train: TrainSettings | None
    min_support: int
    how: str


class _Told(msgspec.Struct, frozen=True):
    """What a model tells of the settings of its own night."""

    train: TrainSettings
    min_support: int = 1
    history_limit: int = 0


def choose_opponent(
    serving: FrozenModel | None, window: Window, settings: NightSettings
) -> Opponent:
    """Choose what to compare with: the serving model, its settings trained anew, or nothing.

    Trained on the same events with the same settings it would be the candidate; then only the
    figures of its own night can be compared with.
    """
    if serving is None:
        how = "No model was served, so the candidate has to beat popularity only."
        return Opponent(None, None, 1, how)
    if window.is_new_to_serving:
        how = "The serving model itself: it has seen none of these events."
        return Opponent(serving, None, 1, how)
    try:
        told = msgspec.convert(serving.metadata["settings"], _Told)
    except (KeyError, TypeError, msgspec.ValidationError):
        how = "The serving model doesn't tell its settings, so it was not compared with."
        return Opponent(None, None, 1, how)
    longer = serving.history_limit != settings.history_limit
    limit = f", but for its history_limit of {serving.history_limit:,}" if longer else ""
    if (told.train, told.min_support) == (settings.train, settings.min_support):
        how = (
            f"The serving model has the same settings{limit}, and too little came after its data: "
            "it was compared with by the figures of its own night only."
        )
        return Opponent(None, None, 1, how)
    how = (
        f"The serving model's settings{limit}, trained anew on the older events: too little came "
        "after its own data."
    )
    return Opponent(None, told.train, told.min_support, how)
