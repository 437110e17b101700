"""The gate: what it refuses, what it lets through, and that its reasons name the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from batch_training.judgements import Interval, Judgement, Quality
from batch_training.judging.gate import GateSettings, broken, does_not_answer, refusals
from data.vocabulary import Vocabulary
from tests.builders import event, history, model

if TYPE_CHECKING:
    from data.frozen_model import FrozenModel

SETTINGS = GateSettings()


def way(name: str, hit_rate: float, coverage: float = 0.5, lead: float | None = None) -> Quality:
    """Give a way to make lists; ``lead`` is the lower bound of what it has over the candidate."""
    exactly = {"hit_rate@10": hit_rate, "coverage@10": coverage}
    figures = {metric: Interval(value, value, value) for metric, value in exactly.items()}
    less = {} if lead is None else {"hit_rate@10": Interval(lead + 0.01, lead, lead + 0.02)}
    return Quality(name=name, figures=figures, less_candidate=less)


def judged(*ways: Quality, cases: int = 1_000) -> Judgement:
    """Give what the replay found; the candidate hits 20 %, popularity 10 %, unless given."""
    given = {each.name: each for each in (way("candidate", 0.2), way("popularity", 0.1), *ways)}
    return Judgement(
        protocol="replay", from_at=1, to_at=2, cases=cases, users=9, ways=tuple(given.values())
    )


def reasons(replayed: Judgement, serving: FrozenModel | None = None, **settings: Any) -> str:  # noqa: ANN401 - any setting
    """Ask the gate."""
    return "\n".join(refusals(replayed, model(), serving, GateSettings(**settings)))


def test_first_night_needs_only_to_beat_popularity() -> None:
    """A candidate better than the popular videos passes where no model is served."""
    assert reasons(judged()) == ""


@pytest.mark.parametrize("hit_rate", [0.05, 0.1])
def test_no_better_than_popularity_is_refused(hit_rate: float) -> None:
    """A candidate as good as the popular videos, or worse, is refused with both numbers."""
    said = reasons(judged(way("candidate", hit_rate)))
    assert f"{hit_rate:.2%}" in said
    assert "10.00%" in said


def test_worse_than_the_serving_model_is_refused() -> None:
    """A lead of the serving model that lies beyond the margin with confidence is a refusal."""
    said = reasons(judged(way("serving", 0.25, lead=0.04)), model())
    assert "25.00%" in said
    assert "at least 4.00%" in said


def test_within_the_margin_passes() -> None:
    """A lead whose lower bound lies within the margin is no refusal; a smaller margin makes one."""
    replayed = judged(way("serving", 0.21, lead=0.004))
    assert reasons(replayed, model(), margin=0.02) == ""
    assert "0.40%" in reasons(replayed, model(), margin=0.01)


def test_lists_of_the_same_few_videos_are_refused() -> None:
    """A coverage of less than half of the serving model's is refused, half of it is not."""
    replayed = judged(way("candidate", 0.2, coverage=0.2), way("serving", 0.2, 0.41, lead=-0.1))
    assert "20.0%" in reasons(replayed, model())
    assert reasons(replayed, model(), min_coverage=0.4) == ""


def test_lost_catalogue_is_refused() -> None:
    """Too many videos that only the serving model knows are a refusal that counts them."""
    served = model(n_items=60)
    assert "20 of the 60" in reasons(judged(), served)
    assert reasons(judged(), served, max_lost=0.34) == ""


def test_figures_of_its_own_night_stand_in_for_the_serving_model() -> None:
    """Where it was not judged itself, half of what its own night measured is the least."""
    quality = {"replay": {"candidate": {"hit_rate@10": 0.5, "coverage@10": 0.9}}}
    served = model(metadata={"quality": quality})
    said = reasons(judged(way("candidate", 0.24, coverage=0.5)), served)
    assert "50.0%" in said
    assert "24.0%" in said
    assert reasons(judged(way("candidate", 0.25, coverage=0.45)), served) == ""
    assert "coverage fell" in reasons(judged(way("candidate", 0.3, coverage=0.4)), served)
    itself = judged(way("candidate", 0.24), way("serving", 0.24, lead=0.0))
    assert refusals(itself, model(), served, SETTINGS, itself=True) == []


def test_window_without_a_case_is_refused() -> None:
    """Where no event can tell whether lists are good, nothing is published."""
    assert "longer history" in reasons(judged(cases=0))


def test_broken_norms_are_told() -> None:
    """Factors that vanish or explode are refused, and the video with the longest is named."""
    factors = model().item_factors
    assert broken(model(item_factors=factors), SETTINGS) == []
    assert "nothing at all" in broken(model(item_factors=factors * 0), SETTINGS)[0]
    vanished = factors.copy()
    vanished[:15] = 0
    assert "37.5%" in broken(model(item_factors=vanished), SETTINGS)[0]
    great = factors.copy()
    great[7] *= 1e6
    assert "'v7'" in broken(model(item_factors=great), SETTINGS)[0]


def test_model_that_answers_passes() -> None:
    """Full lists for somebody with a history and for somebody without are nothing to refuse."""
    tried = [history([event("v1"), event("v2")]), history([])]
    assert does_not_answer(model(), tried) == []


def test_users_who_saw_almost_everything_are_no_fault() -> None:
    """A list may be as short as what is left of the catalogue."""
    everything = history([event(f"v{n}") for n in range(38)])
    assert does_not_answer(model(), [everything]) == []


def test_model_that_can_list_nothing_is_refused() -> None:
    """A catalogue that is blocked as a whole is told as what it is."""
    assert "blocked" in does_not_answer(model(blocked=np.ones(40, np.bool_)), [history([])])[0]


def test_scores_that_are_no_numbers_are_refused() -> None:
    """Factors whose products leave the range of float32 are found by the test fold-in."""
    great = np.full((40, 6), 3e19, np.float32)
    given = model(item_factors=great, vocabulary=Vocabulary(f"v{n}" for n in range(40)))
    with np.errstate(all="ignore"):
        assert does_not_answer(given, [history([event("v1")])])


@pytest.mark.parametrize("name", GateSettings.__struct_fields__)
def test_settings_are_shares(name: str) -> None:
    """A share outside 0 to 1 is refused by name."""
    with pytest.raises(ValueError, match=name):
        msgspec.structs.replace(SETTINGS, **{name: 1.5})
