"""Unseen users are predicted from part of what they did, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from batch_training.judging.unseen import UnseenSettings, choose_unseen, unseen_cases
from batch_training.merging.histories import merge_events
from tests.builders import event
from tests.unit.nights import events_of, world


def test_a_share_of_the_users_is_drawn() -> None:
    """A seeded tenth of those who have a history is left out of the training."""
    before, _ = events_of(world()).split(0.5)
    histories = merge_events(before)
    unseen = choose_unseen(histories, UnseenSettings())
    assert unseen.sum() == 12
    assert (histories.lengths[unseen] > 0).all()
    assert np.array_equal(unseen, choose_unseen(histories, UnseenSettings()))
    assert not np.array_equal(unseen, choose_unseen(histories, UnseenSettings(seed=1)))
    assert choose_unseen(histories, UnseenSettings(most=5)).sum() == 5


def test_what_is_shown_and_what_is_hidden_make_up_the_history() -> None:
    """Four fifths are shown in their places, the rest is relevant, and no video is both."""
    histories = merge_events(events_of(world(users=20)))
    cases = unseen_cases(histories, np.arange(120, dtype=np.int32), UnseenSettings())
    assert cases.users.tolist() == list(range(20))
    slices = cases.relevant.slices()
    for user, shown in enumerate(cases.histories):
        whole = histories.history(user)
        hidden = {histories.videos[code] for code in cases.relevant.rows[slices[user]].tolist()}
        assert len(shown) == np.ceil(0.8 * len(whole))
        assert shown.videos == [video for video in whole.videos if video in set(shown.videos)]
        assert hidden == set(whole.videos) - set(shown.videos)
        of_whole = dict(zip(whole.videos, whole.states.tolist(), strict=True))
        assert shown.states.tolist() == [of_whole[video] for video in shown.videos]


def test_only_what_is_wanted_and_can_be_listed_is_to_be_found() -> None:
    """A hidden video, or one that no model may list, is never relevant."""
    rows = [event(f"v{n}", "hide", user="a", at=n + 1) for n in range(9)]
    rows += [event(f"w{n}", user="b", at=n + 20) for n in range(9)]
    histories = merge_events(events_of(rows))
    listable = np.flatnonzero([video != "w1" for video in histories.videos]).astype(np.int32)
    found = [unseen_cases(histories, listable, UnseenSettings(seed=seed)) for seed in range(30)]
    relevant = {histories.videos[code] for cases in found for code in cases.relevant.rows.tolist()}
    assert relevant == {f"w{n}" for n in range(9) if n != 1}
    assert {tuple(cases.users.tolist()) for cases in found} <= {(1,), ()}


def test_nothing_to_predict_gives_no_cases() -> None:
    """Users with one video, or with videos that nobody may list, say nothing."""
    rows = [event("v1", user="a"), *[event(f"x{n}", user="b", at=n + 1) for n in range(9)]]
    histories = merge_events(events_of(rows))
    listable = np.array([histories.videos.index("v1")], np.int32)
    assert len(unseen_cases(histories, listable, UnseenSettings())) == 0


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan")])
def test_shares_lie_between_0_and_1(value: float) -> None:
    """A share out of range is refused by name."""
    with pytest.raises(ValueError, match="share"):
        UnseenSettings(share=value)
    with pytest.raises(ValueError, match="folded_in"):
        UnseenSettings(folded_in=value)
    with pytest.raises(ValueError, match="most"):
        UnseenSettings(most=0)
