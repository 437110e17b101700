"""Evaluating a published model: by what came after it, or not without saying so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from batch_training.merging.histories import merge_events
from batch_training.progress import Stages
from batch_training.training.settings import TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from deploy.night.evaluate import TrainedOnError, evaluate_version
from tests.unit.nights import Silent, events_of, world
from tests.unit.spools import spool_of

if TYPE_CHECKING:
    from batch_training.events import Events
    from batch_training.judging.judge import Protocol
    from data.frozen_model import FrozenModel

EVENTS = events_of(world())
PAST, LATER = EVENTS.split(0.8)


def trained(events: Events) -> FrozenModel:
    """Train a small model that tells until when its data went."""
    settings = TrainSettings(factors=8, iterations=3, regularization=5.0, threads=1, device="cpu")
    learnt_from = training_set(merge_events(events), settings)
    model = freeze(fit(learnt_from.matrix, settings).item_factors, learnt_from, settings)
    return replace(model, metadata={"until_at": int(events.at[-1])})


@pytest.mark.parametrize("protocol", ["replay", "temporal"])
def test_what_came_after_it_judges(protocol: Protocol) -> None:
    """Of all that is given, only what the model wasn't trained on judges it, beside the peers."""
    with spool_of(EVENTS) as spool:
        evaluated = evaluate_version(trained(PAST), spool, protocol, Stages(Silent()))
    judgement = evaluated.judgement
    assert (judgement.protocol, judgement.from_at) == (protocol, LATER.at[0])
    assert not evaluated.trained_on
    names = {way.name for way in judgement.ways}
    assert {"candidate", "popularity", "item_knn", "ease"} <= names


@pytest.mark.parametrize("protocol", ["replay", "temporal", "unseen"])
def test_what_it_was_trained_on_is_refused_or_marked(protocol: Protocol) -> None:
    """A model is not judged by its own training, unless somebody asks, and then it is said."""
    model = trained(EVENTS)
    with spool_of(EVENTS) as spool:
        with pytest.raises(TrainedOnError, match="--trained-on"):
            evaluate_version(model, spool, protocol, Stages(Silent()))
        evaluated = evaluate_version(model, spool, protocol, Stages(Silent()), trained_on=True)
    assert evaluated.trained_on
    assert evaluated.judgement.cases


def test_users_of_newer_events_are_unseen() -> None:
    """Where all events are newer than the model, users held out of them judge it unmarked."""
    with spool_of(LATER) as spool:
        evaluated = evaluate_version(trained(PAST), spool, "unseen", Stages(Silent()))
    assert not evaluated.trained_on
    assert 0 < evaluated.judgement.cases <= len(EVENTS.users) / 10


def test_a_model_that_tells_nothing_may_know_everything() -> None:
    """Where a model doesn't say until when its data went, nothing is taken for new to it."""
    model = replace(trained(PAST), metadata={})
    with spool_of(EVENTS) as spool:
        with pytest.raises(TrainedOnError, match="--trained-on"):
            evaluate_version(model, spool, "replay", Stages(Silent()))
        assert evaluate_version(
            model, spool, "replay", Stages(Silent()), trained_on=True
        ).trained_on
