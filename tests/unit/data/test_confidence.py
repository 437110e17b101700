"""What a user did with a video, as one number."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.confidence import (
    ConfidenceParameters,
    fold_in_confidence,
    says_something,
    training_confidence,
)
from tests import oracle_signals
from tests.builders import (
    confidence_parameters,
    event,
    events,
    history,
    parameters,
    plain_history,
)

ROUNDING = 1e-6  # of float32, relative


def confidence_of(*plain: dict[str, Any]) -> float:
    """Give the training confidence of one video after some events, at an alpha of 30."""
    [value] = training_confidence(history(plain).states, ConfidenceParameters(alpha=30))
    return float(value)


@given(st.lists(events(), max_size=20), confidence_parameters())
def test_confidence_equals_the_oracles(
    given_events: list[dict[str, Any]], given_parameters: ConfidenceParameters
) -> None:
    """Both forms agree with the oracle, video by video, for any parameters."""
    merged = history(given_events)
    plain, names = plain_history(merged), parameters(given_parameters)
    states = [plain["videos"][video] for video in merged.videos]
    age = np.arange(len(merged))[::-1]
    training = [oracle_signals.confidence(state, names) for state in states]
    folded = [
        oracle_signals.confidence(s, names, a) for s, a in zip(states, age.tolist(), strict=True)
    ]
    got_training = training_confidence(merged.states, given_parameters)
    got_folded = fold_in_confidence(merged.states, age, given_parameters)
    assert got_training.dtype == got_folded.dtype == np.float32
    np.testing.assert_allclose(got_training, training, rtol=ROUNDING)
    np.testing.assert_allclose(got_folded, folded, rtol=ROUNDING)


@given(st.lists(events(), max_size=20), confidence_parameters(), st.integers(0, 10**6))
def test_confidence_is_at_least_one_in_size_or_zero(
    given_events: list[dict[str, Any]], given_parameters: ConfidenceParameters, oldest: int
) -> None:
    """However old the video, its confidence is 0, at least 1, or at most -1."""
    states = history(given_events).states
    age = np.linspace(oldest, 0, len(states)).astype(np.int64)
    for values in (
        training_confidence(states, given_parameters),
        fold_in_confidence(states, age, given_parameters),
    ):
        assert ((np.abs(values) >= 1) == says_something(states)).all()
        assert (values[~says_something(states)] == 0).all()


def test_sign_follows_what_the_user_wants() -> None:
    """A dislike or a hide makes the value negative whatever else was done, and only they do."""
    watched = event(watch_ratio=1.0)
    assert confidence_of(watched) == 31
    assert confidence_of(watched, event(kind="dislike")) == -16
    assert confidence_of(watched, event(kind="hide"), event(kind="like")) == -16
    assert (
        confidence_of(watched, event(kind="dislike"), event(kind="like", at=event()["at"] + 1))
        == 61
    )


def test_taken_back_like_says_nothing() -> None:
    """A video with a like that was taken back has the value 0, and keeps what else is known."""
    later = event()["at"] + 1
    assert confidence_of(event(kind="like"), event(kind="neutral", at=later)) == 0
    assert confidence_of(event(kind="like"), event(kind="neutral", at=later), event()) == 31


def test_watch_weighs_by_its_curve() -> None:
    """A watch weighs nothing at the floor, all from the knee on, and half way between half."""
    curve = ConfidenceParameters(alpha=30, watch_floor=0.25, watch_knee=0.75, watch_weight=2.0)
    by_ratio = {0.25: 1, 0.5: 31, 0.75: 61, 5.0: 61}
    for ratio, expected in by_ratio.items():
        states = history([event(watch_ratio=ratio)]).states
        assert training_confidence(states, curve) == pytest.approx([expected])


def test_watch_to_the_end_weighs_more() -> None:
    """What was watched to its end, or nearly, weighs what completion adds."""
    ends = ConfidenceParameters(alpha=30, complete_weight=0.5)
    short, whole = (history([event(watch_ratio=ratio)]).states for ratio in (0.97, 0.98))
    less, more = (float(training_confidence(states, ends)[0]) for states in (short, whole))
    assert more - less > 15


def test_skip_is_a_weak_negative_unless_more_is_said() -> None:
    """A watch below the floor is a negative with its own weight, where nothing else is said."""
    skip = event(watch_ratio=0.1)
    later = event()["at"] + 1
    assert confidence_of(skip) == pytest.approx(-4)
    assert confidence_of(skip, event(kind="like"), event(kind="neutral", at=later)) < 0
    for more in (event(kind="like"), event(kind="share"), event(kind="rating"), event()):
        assert confidence_of(skip, more) > 1
    assert confidence_of(skip, event(kind="dislike")) == -16


def test_skip_without_weight_is_as_unobserved() -> None:
    """Without a weight of their own skips store the size of an unobserved video, and -1."""
    states = history([event(watch_ratio=0.1)]).states
    silent = ConfidenceParameters(skip_weight=0.0)
    assert training_confidence(states, silent) == fold_in_confidence(states, np.array([0]), silent)
    assert float(training_confidence(states, silent)[0]) == -1


def test_hide_and_dislike_weigh_each_their_own() -> None:
    """A hide weighs its own, beside a dislike too; a dislike alone the dislike's."""
    apart = ConfidenceParameters(alpha=30, dislike_weight=0.5, hide_weight=2.0)
    for kinds, expected in ((["dislike"], -16), (["hide"], -61), (["dislike", "hide"], -61)):
        states = history([event(kind=kind) for kind in kinds]).states
        assert float(training_confidence(states, apart)[0]) == expected


def test_stars_between_are_interpolated() -> None:
    """Half stars weigh half way between their neighbours, and half a star as much as one."""
    by_stars = {s: confidence_of(event(kind="rating", rating=s)) for s in (0.5, 1, 3, 3.5, 4, 5)}
    assert by_stars[0.5] == by_stars[1] == 7
    assert by_stars[3.5] == pytest.approx((by_stars[3] + by_stars[4]) / 2)
    assert by_stars[5] == 40


def test_half_life_halves_the_weight_in_the_fold_in_only() -> None:
    """A video with half_life newer ones weighs half in the fold-in, and in full in the training."""
    states = history([event()]).states
    halved = ConfidenceParameters(alpha=30, half_life=5.0)
    whole = ConfidenceParameters(alpha=30, half_life=None)
    ages = [np.array([age]) for age in (0, 5, 10)]
    assert [float(fold_in_confidence(states, a, halved)[0]) for a in ages] == [31, 16, 8.5]
    assert [float(fold_in_confidence(states, a, whole)[0]) for a in ages] == [31, 31, 31]
    assert float(training_confidence(states, halved)[0]) == 31


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", -0.1),
        ("alpha", float("nan")),
        ("alpha", 1e10),
        ("watch_weight", float("inf")),
        ("watch_floor", 1.0),
        ("watch_knee", 0.0),
        ("complete_weight", -1.0),
        ("duration_share", 1.5),
        ("hide_weight", -0.5),
        ("skip_weight", -0.5),
        ("like_weight", -1.0),
        ("like_weight", 1e308),
        ("share_weight", float("nan")),
        ("dislike_weight", -0.5),
        ("rating_weights", (0.1, 0.2, -0.3, 0.4, 0.5)),
        ("rating_weights", (0.1, 0.2, 0.3, 1e6, 0.5)),
        ("half_life", 0.0),
        ("half_life", -5.0),
        ("half_life", float("nan")),
        ("half_life", float("inf")),
    ],
)
def test_bad_parameters_are_refused(name: str, value: object) -> None:
    """A parameter that could push a confidence below 1, or too far up, is refused by its name."""
    with pytest.raises(ValueError, match=name):
        ConfidenceParameters(**{name: value})  # type: ignore[arg-type]  # one at a time


@given(confidence_parameters())
def test_parameters_survive_json(given_parameters: ConfidenceParameters) -> None:
    """The parameters are the same after the JSON in which they travel with the model."""
    packed = msgspec.json.encode(given_parameters)
    assert msgspec.json.decode(packed, type=ConfidenceParameters) == given_parameters
