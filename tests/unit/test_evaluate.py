"""Unseen users are predicted from part of what they did, and nothing else."""

from __future__ import annotations

import doctest
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from batch_training import metrics
from batch_training.evaluate import UnseenSettings, choose_unseen, evaluate_unseen
from batch_training.histories import merge_events
from data.up_next import rank_histories
from data.user_history import UserHistory
from data.vocabulary import Vocabulary
from tests import builders
from tests.builders import event
from tests.unit.nights import events_of, world


def test_the_examples_of_the_metrics_hold() -> None:
    """Each metric comes with a worked example, and gives what the example says."""
    result = doctest.testmod(metrics)
    assert result.attempted >= 5
    assert result.failed == 0


def test_no_lists_have_no_hits() -> None:
    """Without any list, hit rate and reciprocal rank are 0."""
    nowhere = np.zeros(0, np.int64)
    assert metrics.hit_rate(nowhere) == metrics.mean_reciprocal_rank(nowhere) == 0.0


def test_a_perfect_list_is_worth_one() -> None:
    """NDCG and recall are 1 where all that fits into the list is relevant."""
    hits = np.ones((2, 3), np.bool_)
    relevant = np.array([3, 50])
    assert metrics.ndcg(hits, relevant) == pytest.approx(1.0)
    assert metrics.recall(hits, relevant) == pytest.approx(1.0)


def test_a_share_of_the_users_is_drawn() -> None:
    """A seeded tenth of those who have a history is left out of the training."""
    before, _ = events_of(world()).split(0.5)
    histories = merge_events(before)
    unseen = choose_unseen(histories, UnseenSettings())
    assert unseen.sum() == 12
    assert (histories.lengths[unseen] > 0).all()
    assert np.array_equal(unseen, choose_unseen(histories, UnseenSettings()))
    assert not np.array_equal(unseen, choose_unseen(histories, UnseenSettings(seed=1)))


def test_only_what_was_not_shown_can_be_found() -> None:
    """With a model in which every video is alike, lists hold exactly what was held out.

    One user has watched 10 of 12 videos; 8 are shown, so the other 2 and the 2 unwatched are left.
    """
    histories = merge_events(events_of([event(f"v{n}", at=n + 1) for n in range(10)]))
    model = builders.model(n_items=12)
    scores = evaluate_unseen(model, histories, UnseenSettings())
    assert scores is not None
    for quality in scores:
        assert quality.recall.tolist() == [1.0]
        assert quality.coverage == pytest.approx(4 / 12)
        assert 0.6 < quality.ndcg[0] <= 1.0


def test_figures_are_those_of_plain_lists() -> None:
    """Recall agrees with lists made one by one from the shown part, at any half-life."""
    histories = merge_events(events_of(world(users=20)))
    model = builders.model(n_items=120)
    settings = UnseenSettings()
    scores = evaluate_unseen(model, histories, settings)
    assert scores is not None
    flat = replace(model, confidence=msgspec.structs.replace(model.confidence, half_life=None))
    draw = np.random.default_rng(settings.seed)
    for found, (_, history) in zip(scores.model.recall, histories.by_user(), strict=True):
        shown = sorted(draw.permutation(len(history))[: int(np.ceil(0.8 * len(history)))])
        videos = [history.videos[place] for place in shown]
        listed = rank_histories(flat, [UserHistory(videos, history.states[shown])], 20).rows[0]
        hidden = {video for video in history.videos if video not in videos}
        hits = hidden & {model.vocabulary.ids[row] for row in listed}
        assert found == pytest.approx(len(hits) / min(20, len(hidden)))


def test_nothing_to_predict_gives_no_figures() -> None:
    """Users with one video, or with videos that the model doesn't know, say nothing."""
    rows = [event("v1", user="a"), *[event(f"x{n}", user="b", at=n + 1) for n in range(9)]]
    histories = merge_events(events_of(rows))
    assert evaluate_unseen(builders.model(), histories, UnseenSettings()) is None


def test_unwanted_videos_are_not_to_be_found() -> None:
    """What a user hid or disliked is never counted as something to list."""
    rows = [event(f"v{n}", "hide", at=n + 1) for n in range(10)]
    model = builders.model(n_items=10, vocabulary=Vocabulary(f"v{n}" for n in range(10)))
    assert evaluate_unseen(model, merge_events(events_of(rows)), UnseenSettings()) is None


def test_progress_is_told() -> None:
    """Whoever shows progress hears how many users are done."""
    histories = merge_events(events_of(world(users=9)))
    told: list[tuple[int, int]] = []
    evaluate_unseen(builders.model(), histories, UnseenSettings(), lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1] <= 9


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_shares_lie_between_0_and_1(value: float) -> None:
    """A share out of range is refused by name."""
    with pytest.raises(ValueError, match="share"):
        UnseenSettings(share=value)
    with pytest.raises(ValueError, match="folded_in"):
        UnseenSettings(folded_in=value)
