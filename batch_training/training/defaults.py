"""Defaults that hang on the shape of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_training.training.settings import TrainSettings

if TYPE_CHECKING:
    from batch_training.merging.histories import Histories


def for_data(histories: Histories) -> TrainSettings:  # noqa: ARG001 - the rules are still to come
    """Give the settings to train with where a person gives none.

    Parameters
    ----------
    histories
        What the model will be trained on.
    """
    return TrainSettings()
