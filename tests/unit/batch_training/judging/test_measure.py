"""Each figure looks at as many places as its name says."""

from __future__ import annotations

import numpy as np
import pytest

from batch_training.judging.cases import Cases
from batch_training.judging.measure import LENGTH, METRICS, Ruler
from data.scoring import Ragged


def gain(*places: int) -> float:
    """Give the discounted gain of hits in some places, counted from 1."""
    return float(sum(1 / np.log2(place + 1) for place in places))


def test_figures_look_at_as_many_places_as_they_say() -> None:
    """Hits in places 4, 15, 30 and 70 count from the 10th, 20th, 50th and 100th place on."""
    videos = np.arange(LENGTH, dtype=np.int32)[None]
    relevant = Ragged(np.array([5]), np.array([3, 14, 29, 69, 150], np.int32))
    vectors = np.zeros((200, 2), np.float32)
    vectors[:10, 0] = 1.0  # alike as far as the first ten
    ruler = Ruler(np.arange(200, dtype=np.int32), vectors)
    worth = ruler.worth(videos, Cases(np.array([0]), relevant, []))[0]
    assert dict(zip(METRICS, worth.tolist(), strict=True)) == pytest.approx(
        {
            "hit_rate@10": 1.0,
            "mrr@10": 1 / 4,
            "ndcg@10": gain(4) / gain(1, 2, 3, 4, 5),
            "ndcg@100": gain(4, 15, 30, 70) / gain(1, 2, 3, 4, 5),
            "recall@20": 2 / 5,
            "recall@50": 3 / 5,
            "intra_list_similarity@10": 1.0,
        }
    )
    spread = ruler.spread(videos)
    assert spread["coverage@10"].mean == 10 / 200


def test_empty_places_are_no_hits() -> None:
    """A place without a video isn't taken for the last video of the list before."""
    lists = np.full((2, LENGTH), -1, np.int32)
    relevant = Ragged(np.array([1, 2]), np.array([6, 6], np.int32))
    ruler = Ruler(np.arange(7, dtype=np.int32), np.zeros((7, 2), np.float32))
    worth = ruler.worth(lists, Cases(np.array([0, 1]), relevant, []))
    assert not worth.any()
