"""Evaluate: how good a published model is on interactions that came after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.judge import Contest, JudgeSettings, judge
from batch_training.judging.unseen import choose_unseen
from batch_training.merging.histories import gather
from batch_training.report.words import moment

if TYPE_CHECKING:
    from collections.abc import Collection

    from batch_training.judgements import Judgement
    from batch_training.judging.judge import Protocol
    from batch_training.progress import Stages
    from batch_training.reading.spool import Spool
    from data.frozen_model import FrozenModel


_ANY_TIME: Final = (1 << 62) - 1
_SHARE: Final = 0.9  # of the events, the oldest that don't judge where nothing is newer


class TrainedOnError(ValueError):
    """The model was trained on what it should be judged by."""


class Evaluated(NamedTuple):
    """What a model was worth, and whether it had been trained on some of what it was judged by."""

    judgement: Judgement
    trained_on: bool


def evaluate_version(
    model: FrozenModel,
    spool: Spool,
    protocol: Protocol,
    stages: Stages,
    *,
    blocked_ids: Collection[str] = (),
    trained_on: bool = False,
) -> Evaluated:
    """Judge a model beside the baselines.

    Parameters
    ----------
    spool
        Interactions; those that came after the newest which the model was trained on judge it.
        Unseen users are a tenth of all, drawn by seed: they are no others than the model may
        have been trained on, unless all interactions are newer.
    trained_on
        Judge by what the model was trained on where there is nothing else: the newest tenth.

    Raises
    ------
    TrainedOnError
        If there is nothing else and ``trained_on`` is not set.
    """
    # A model that doesn't tell may have been trained on anything.
    newest_at = model.metadata.get("until_at", _ANY_TIME)
    unknown = protocol == "unseen"
    cut_at = None if unknown else newest_at + 1
    count = sum(int(np.count_nonzero(batch.at > newest_at)) for batch in spool.batches())
    was_trained_on = count < len(spool) if unknown else not count
    if was_trained_on and not trained_on:
        msg = (
            "the model was trained on these interactions, so they say little about it. Add newer "
            f"ones (it knows all until {moment(newest_at)}), or judge by them all the same with "
            "--trained-on"
        )
        raise TrainedOnError(msg)
    if was_trained_on and not unknown:
        cut_at = spool.cut_at(_SHARE)
    with stages.stage("Merge"):
        before, later = gather(spool, cut_at, model.history_limit)
    settings = msgspec.structs.replace(JudgeSettings(), protocols=(protocol,), ladder_cases=0)
    unseen = before.take(choose_unseen(before, settings.unseen)) if unknown else None
    with stages.stage("Judge"):
        contest = Contest(model, None, before, later, unseen)
        judged = judge(contest, settings, blocked_ids, stages.progress.step)
    return Evaluated(judged.judgements[0], was_trained_on)
