"""Ways give codes of the events, whatever numbers a model has."""

from __future__ import annotations

import numpy as np

from batch_training.judging.ways import NOTHING, Asked, ModelWay
from batch_training.merging.histories import merge_events
from data.up_next import rank_histories
from data.vocabulary import Vocabulary
from tests import builders
from tests.builders import event
from tests.unit.nights import events_of


def test_a_list_is_what_the_day_serves_in_codes() -> None:
    """Videos come as the day ranks them; what the events don't know and what isn't there is -1."""
    rows = [event(f"v{n}", user=f"u{n % 2}", at=n + 1) for n in (11, *range(9, 0, -1))]
    histories = merge_events(events_of(rows))
    model = builders.model(n_items=12)  # v0 and v10 are not among the events
    way = ModelWay.of("some", model, Vocabulary(histories.videos), ["v4", "v5", "unknown"])
    given = [histories.history(user) for user in (0, 1)]
    lists = way.lists(Asked(np.arange(2), given, Vocabulary(histories.videos)), 15)
    for history, row, served in zip(
        given, lists.tolist(), rank_histories(way.model, given, 15).rows.tolist(), strict=True
    ):
        ids = [model.vocabulary.ids[place] for place in served if place >= 0]
        codes = [histories.videos.index(v) if v in histories.videos else NOTHING for v in ids]
        assert set(ids) == set(model.vocabulary.ids) - set(history.videos) - {"v4", "v5"}
        assert row == codes + [NOTHING] * (15 - len(codes))


def test_listable_is_what_is_known_and_not_blocked() -> None:
    """Videos that are blocked by the model or by the catalogue, or unknown, may not be listed."""
    model = builders.model(n_items=5, blocked=np.array([True, False, False, False, False]))
    way = ModelWay.of("some", model, Vocabulary(["v4", "v3", "v1", "v0", "x"]), ["v3"])
    assert sorted(way.listable.tolist()) == [0, 2]
    assert not model.blocked[3]
