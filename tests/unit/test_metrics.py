"""Metrics give what their examples say, and what trec_eval says."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
import pytrec_eval

from batch_training.judging import metrics

N_LISTS, PLACES, VIDEOS = 40, 60, 200


def test_the_examples_hold() -> None:
    """Each metric comes with a worked example, and gives what the example says."""
    result = doctest.testmod(metrics)
    assert result.attempted >= 13
    assert result.failed == 0


def test_trec_eval_agrees() -> None:
    """Figures of random lists are those that NIST's reference programme gives."""
    random = np.random.default_rng(0)
    lists = np.stack([random.permutation(VIDEOS)[:PLACES] for _ in range(N_LISTS)])
    wanted = [random.choice(VIDEOS, count, replace=False) for count in range(1, N_LISTS + 1)]
    hits = np.stack([np.isin(row, some) for row, some in zip(lists, wanted, strict=True)])
    relevant = np.arange(1, N_LISTS + 1)
    qrel = {str(i): {str(video): 1 for video in some} for i, some in enumerate(wanted)}
    run = {
        str(i): {str(video): float(-place) for place, video in enumerate(row)}
        for i, row in enumerate(lists.tolist())
    }
    asked = {"ndcg_cut.10,50", "recip_rank", "recall.20,50", "success.10"}
    theirs = pytrec_eval.RelevanceEvaluator(qrel, asked).evaluate(run)

    def of(metric: str) -> list[float]:
        return [theirs[str(i)][metric] for i in range(N_LISTS)]

    assert metrics.ndcg(hits[:, :10], relevant) == pytest.approx(of("ndcg_cut_10"))
    assert metrics.ndcg(hits[:, :50], relevant) == pytest.approx(of("ndcg_cut_50"))
    assert metrics.reciprocal_rank(hits) == pytest.approx(of("recip_rank"))
    assert metrics.hit(hits[:, :10]) == pytest.approx(of("success_10"))
    for places in (20, 50):  # theirs is of all relevant ones, ours of those that have a place
        whole = np.array(of(f"recall_{places}")) * relevant / np.minimum(relevant, places)
        assert metrics.recall(hits[:, :places], relevant) == pytest.approx(whole)
    assert 0 < np.mean(of("ndcg_cut_10")) < 1


def test_a_perfect_list_is_worth_one() -> None:
    """NDCG and recall are 1 where all that fits into the list is relevant."""
    hits = np.ones((2, 3), np.bool_)
    relevant = np.array([3, 50])
    assert metrics.ndcg(hits, relevant) == pytest.approx(1.0)
    assert metrics.recall(hits, relevant) == pytest.approx(1.0)


def test_empty_places_are_nobodys() -> None:
    """Places without a video add to no coverage, no inequality, no similarity and no curve."""
    nothing = np.full((2, 3), -1)
    assert metrics.coverage(nothing, 5) == metrics.gini(nothing, 5) == 0.0
    assert metrics.intra_list_similarity(nothing, np.ones((5, 2), np.float32)).tolist() == [0, 0]
    assert metrics.popularity_curve(nothing, np.arange(5)).tolist() == [0.0] * 100


def test_similarity_is_the_mean_over_all_pairs() -> None:
    """The short way to intra-list similarity gives what a loop over the pairs gives."""
    random = np.random.default_rng(1)
    vectors = random.normal(size=(30, 8)).astype(np.float32)
    lists = np.stack([random.permutation(30)[:6] for _ in range(5)])
    plain = [
        np.mean([vectors[a] @ vectors[b] for i, a in enumerate(row) for b in row[i + 1 :]])
        for row in lists
    ]
    assert metrics.intra_list_similarity(lists, vectors) == pytest.approx(plain, abs=1e-5)


def test_gini_is_half_the_relative_mean_difference() -> None:
    """The short way to Gini gives what the definition over all pairs of videos gives."""
    lists = np.random.default_rng(2).integers(0, 12, (20, 4)) ** 2 // 12
    counts = np.bincount(lists.ravel(), minlength=15)
    differences = np.abs(counts[:, None] - counts[None]).mean()
    assert metrics.gini(lists, 15) == pytest.approx(differences / (2 * counts.mean()))
