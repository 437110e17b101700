"""The judge compares the candidate with the model that is served, by ids, on the same cases."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from batch_training.judging.judge import Contest, judge
from data.vocabulary import Vocabulary
from tests.unit.contests import REPLAY, SETTINGS, contest, figures
from tests.unit.nights import world


@pytest.fixture(scope="module")
def small() -> Contest:
    """Give a world in which taste shows, with few enough rows to be quick."""
    return contest(world(users=80))


def test_the_same_model_is_no_better_than_itself(small: Contest) -> None:
    """A candidate equal to the serving model differs from it by exactly nothing."""
    found = judge(small._replace(serving=small.candidate), SETTINGS).judgements
    for judgement in found[:2]:
        serving = judgement.way("serving")
        assert serving is not None
        bounds = [msgspec.structs.astuple(value) for value in serving.less_candidate.values()]
        assert bounds == [(0.0, 0.0, 0.0)] * len(bounds)
    assert found[2].way("serving") is None
    assert "trained on these users" in found[2].left_out["serving"]


def test_a_worse_candidate_is_found_out(small: Contest) -> None:
    """Shuffled factors lose to the model that they were taken from, for certain."""
    factors = np.random.default_rng(0).permutation(small.candidate.item_factors)
    worse = small._replace(
        candidate=replace(small.candidate, item_factors=factors), serving=small.candidate
    )
    serving = judge(worse, REPLAY).judgements[0].way("serving")
    assert serving is not None
    assert serving.less_candidate["hit_rate@10"].low > 0.3


def test_another_order_of_rows_changes_nothing(small: Contest) -> None:
    """A serving model that numbers its videos otherwise is judged by ids."""
    model = small.candidate
    assert model.follow_ups
    order = np.random.default_rng(0).permutation(model.n_items)
    shuffled = replace(
        model,
        item_factors=model.item_factors[order],
        popularity=model.popularity[order],
        prior=model.prior[order],
        blocked=model.blocked[order],
        vocabulary=Vocabulary(model.vocabulary.ids[row] for row in order.tolist()),
        follow_ups=replace(
            model.follow_ups,
            rows=np.argsort(order).astype(np.int32)[model.follow_ups.rows[order]],
            scores=model.follow_ups.scores[order],
        ),
    )
    found = figures(judge(small._replace(serving=shuffled), REPLAY).judgements[0])
    for metric, (mean, *_) in found["candidate"].items():
        assert found["serving"][metric][0] == pytest.approx(mean, abs=0.01)


def test_what_only_the_serving_model_lists_is_a_target_too(small: Contest) -> None:
    """A candidate that lost videos pays for it: its targets are those of both models."""
    kept = np.arange(small.candidate.n_items) % 3 > 0
    model = small.candidate
    lost = replace(model, blocked=~kept)
    alone = judge(small._replace(candidate=lost), REPLAY).judgements[0]
    both = judge(small._replace(candidate=lost, serving=model), REPLAY).judgements[0]
    whole = judge(small, REPLAY).judgements[0]
    assert alone.cases < both.cases == whole.cases
    assert (
        both.ways[0].figures["hit_rate@10"].mean < 0.8 * whole.ways[0].figures["hit_rate@10"].mean
    )


def test_a_model_of_other_videos_finds_nothing(small: Contest) -> None:
    """Videos of which the events know nothing take places, and are never found."""
    model = small.candidate
    others = Vocabulary(f"other {row}" for row in range(model.n_items))
    found = judge(small._replace(serving=replace(model, vocabulary=others)), REPLAY).judgements[0]
    serving = found.way("serving")
    assert serving is not None
    assert serving.figures["hit_rate@10"].mean == serving.figures["coverage@10"].mean == 0.0
