"""Floors under the quality of the lists, on real ratings: they fall through when a part breaks.

The defaults learn from the oldest 90 % of MovieLens-100K, and the rest is replayed; on the
synthetic sample where those can't be had. A floor is about half of what was measured, which stands
beside it (first for MovieLens-100K, then for the sample). Ways are compared in pairs on the same
events, so that noise has room and breakage has not.

Each of these was broken on purpose, and this is what fell through, here and in `test_planted`:

=================================== ==================================================
broken                              what it fell to
=================================== ==================================================
half-life ignored in the fold-in    recency .000, planted recency .000
follow-ups not added                follow-ups .000, planted follow-ups .000
follow-ups in the wrong direction   planted follow-ups -.015 (here as good as before)
follow-ups not decayed              follow-ups -.044, whole .156, over left alone .039
prior ignored                       prior changes nothing, planted fashion .000
prior of the wrong sign             prior -.024, planted fashion -.035
ratings all alike                   steep over alike .000
ratings reversed                    steep over alike -.072
age counted by the clock            whole .091, recency -.116, follow-ups .000
=================================== ==================================================
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from batch_training.judging.replay import ReplaySettings
from batch_training.merging.histories import merge_events
from batch_training.reading.load import LoadSettings, load_in_memory
from batch_training.training.defaults import for_data
from batch_training.training.settings import PriorSettings, TrainSettings
from batch_training.training.training_set import training_set
from data.confidence import ConfidenceParameters
from data.sources.data_set import default_cache
from data.sources.movielens import load_movielens_100k
from data.sources.sample import make_sample
from data.sources.table import SourceError, Table
from tests.replaying import Replayed, replayed, trained

if TYPE_CHECKING:
    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel
    from data.sources.data_set import DataSet

pytestmark = pytest.mark.slow

SMALL: Final = TrainSettings(factors=32, iterations=8, device="cpu")
EVENTS: Final = ReplaySettings(budget=2_000)


def of_ratings(*weights: float) -> TrainSettings:
    """Give settings for a smaller model, with weights of 1, 2, 3, 4 and 5 stars."""
    one, two, three, four, five = weights
    mapping = ConfidenceParameters(rating_weights=(one, two, three, four, five))
    return msgspec.structs.replace(SMALL, confidence=mapping)


def models(before: Histories) -> dict[str, FrozenModel]:
    """Give the defaults whole and in parts, and what tells whether prior and ratings count."""
    defaults = msgspec.structs.replace(for_data(before), device="cpu")
    whole = trained(before, defaults)
    factors = replace(whole.flat, prior=0 * whole.prior)
    with_prior = msgspec.structs.replace(defaults, prior=PriorSettings(weight=0.3))
    return {
        "whole": whole,
        "factors": factors,
        "recency": replace(factors, confidence=whole.confidence),
        "follow-ups": replace(factors, follow_ups=whole.follow_ups),
        "prior": replace(factors, prior=training_set(before, with_prior).prior),
        "steep": trained(before, of_ratings(0.0, 0.0, 0.2, 1.0, 2.0)).flat,
        "alike": trained(before, of_ratings(1.0, 1.0, 1.0, 1.0, 1.0)).flat,
    }


@pytest.fixture(scope="module")
def data() -> DataSet:
    """Give real ratings, or else the sample; `test_the_ratings_are_real` says which."""
    try:
        return load_movielens_100k(default_cache(), print)
    except SourceError:
        return make_sample()


@pytest.fixture(scope="module")
def found(data: DataSet) -> Replayed:
    """Replay the newest tenth."""
    table = Table.of_frame(data.name, data.interactions)
    events, _ = load_in_memory(table, LoadSettings(), time.time_ns() // 1_000_000)
    past, later = events.split(0.9)
    before = merge_events(past)
    return replayed(models(before), before, later, EVENTS)


def test_the_ratings_are_real(data: DataSet) -> None:
    """All users and films are there; where they can't be had, the sample stands in for them."""
    if data.name == "synthetic sample":
        pytest.skip("MovieLens-100K can't be had, so the floors were held to the synthetic sample")
    assert len(data.interactions) == 100_000


def test_lists_beat_what_is_popular(found: Replayed) -> None:
    """The defaults find nearly twice what popularity finds, and a fifth of all."""
    assert found.rate("whole") > 0.2  # .255; sample .333
    assert found.rate("whole") > 1.8 * found.rate("popularity")  # 2.8; 6.2
    assert found.rate("factors") > 0.13  # .177; .258


def test_lists_that_follow_beat_lists_left_alone(found: Replayed) -> None:
    """To fold in what was watched since the night pays, with recency most of all."""
    assert found.gain("factors", over="left_alone").low > 0.012  # .059; .027
    assert found.gain("whole", over="left_alone").low > 0.045  # .126; .091


def test_recency_pays(found: Replayed) -> None:
    """A half-life raises the hit rate of the factors."""
    assert found.gain("recency", over="factors").low > 0.025  # .053; .060


def test_follow_ups_pay(found: Replayed) -> None:
    """They raise the hit rate of the factors, and beside recency they cost little."""
    assert found.gain("follow-ups", over="factors").low > 0.007  # .015; .022
    assert found.gain("whole", over="recency").low > -0.035  # -.016; -.012


def test_the_prior_costs_little(found: Replayed) -> None:
    """It moves lists towards what was watched lately, which is no loss even where it is no gain."""
    assert (found.places["prior"] != found.places["factors"]).any()
    assert found.gain("prior", over="factors").low > -0.02  # -.010; -.002


def test_ratings_count(found: Replayed, data: DataSet) -> None:
    """Who learns that five stars say more than one finds more of what gets four or five."""
    if not data.interactions["rating"].notna().any():
        pytest.skip(f"the {data.name} has no ratings")
    assert found.gain("steep", over="alike").low > 0.007  # .015
