"""Each signal makes the lists better where the truth is known."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from batch_training.judging.bootstrap import intervals
from data.sources.known_tastes import make_known_tastes
from data.up_next import rank_histories
from tests import oracle
from tests.benchmarks.signals import NEGATIVES, NEUTRAL, Step, confidence_of, measured
from tests.builders import plain_history, plain_model
from tests.known_truth import LENGTH, trained, truth_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = {
    "defaults": Step("", {}),
    "no durations": Step("", {"duration_share": 0.0}),
    "no skips": Step("", {"skip_weight": 0.0}),
    "no floor": Step("", {"watch_floor": 0.0}),
    "no dislikes": Step("", {}, frozenset({"dislike"})),
    "ratio": Step("", NEUTRAL, NEGATIVES),
    "ratio, floor": Step("", NEUTRAL | {"watch_floor": 0.2}, NEGATIVES),
    "ratio, hides": Step("", NEUTRAL, NEGATIVES - {"hide"}),
    "all alike": Step("", NEUTRAL | {"watch_knee": 1e-9}, NEGATIVES),
}


@pytest.fixture(scope="module")
def met() -> dict[str, NDArray[np.float64]]:
    """Measure how well the lists meet the tastes, user by user."""
    return measured(make_known_tastes(seed=11, users=800, videos=400), STEPS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("ratio", "all alike"),
        ("ratio, floor", "ratio"),
        ("ratio, hides", "ratio"),
        ("defaults", "ratio"),
        ("defaults", "no floor"),
        ("defaults", "no skips"),
        ("defaults", "no durations"),
        ("defaults", "no dislikes"),
    ],
)
def test_signal_pays(met: dict[str, NDArray[np.float64]], better: str, worse: str) -> None:
    """With the signal the lists meet the tastes better, beyond what other users could change."""
    more = met[better] - met[worse]
    [found] = intervals(more[:, None], np.arange(len(more)))
    assert found.low > 0, found


@pytest.mark.slow
def test_scale_of_what_is_met(met: dict[str, NDArray[np.float64]]) -> None:
    """Nobody's list is better than the best, and the defaults are well above chance."""
    assert max(values.max() for values in met.values()) <= 1
    assert met["defaults"].mean() > 0.4


def test_all_signals_at_once_equal_the_oracles() -> None:
    """With every signal on, lists of what the night learnt are those of its slow twin."""
    truth = truth_of(make_known_tastes(seed=3, users=150, videos=80, watches=20))
    signals = {"complete_weight": 0.3, "hide_weight": 1.5, "watch_knee": 0.9}
    model = trained(truth, confidence_of(Step("", signals)))
    assert model.watch_scale is not None
    slow = plain_model(model)
    histories = [history for _, history in islice(truth.histories.by_user(), 40)]
    ranking = rank_histories(model, histories, LENGTH)
    for history, rows, scores in zip(histories, ranking.rows, ranking.scores, strict=True):
        plain = plain_history(history)
        told: oracle.History = {"videos": plain["videos"], "mark": plain["mark"]}
        expected = oracle.up_next(slow, told, LENGTH)
        got = [(model.vocabulary.ids[r], float(s)) for r, s in zip(rows, scores, strict=True)]
        assert oracle.compare_lists(got, expected, tolerance=1e-5) == []
