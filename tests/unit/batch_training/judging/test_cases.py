"""Cases are of what is new to a user, and there is something to look at."""

from __future__ import annotations

import numpy as np
import pytest

from batch_training.judging.cases import are_new
from batch_training.judging.replay import ReplaySettings
from batch_training.merging.histories import merge_events
from tests.unit.nights import events_of, world


def test_what_is_new_is_what_a_set_says() -> None:
    """Of thousands of pairs, those are new that no history holds."""
    histories = merge_events(events_of(world(users=60)))
    random = np.random.default_rng(0)
    users, videos = random.integers(0, 60, 9_000), random.integers(0, 120, 9_000)
    held = set(zip(histories.user.tolist(), histories.video.tolist(), strict=True))
    expected = [pair not in held for pair in zip(users.tolist(), videos.tolist(), strict=True)]
    assert are_new(histories, users, videos).tolist() == expected


def test_nothing_to_look_at_is_refused() -> None:
    """A budget of no events is refused by name."""
    with pytest.raises(ValueError, match="budget"):
        ReplaySettings(budget=0)
