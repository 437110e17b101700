"""The window that a night judges by: new to the serving model where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_training.judging import window
from batch_training.judging.window import Window, choose_window
from tests.builders import event
from tests.unit.nights import events_of
from tests.unit.spools import spool_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_training.reading.spool import Spool


@pytest.fixture
def spool() -> Iterator[Spool]:
    """Give a hundred events, one at each of the times 1 to 100."""
    with spool_of(events_of([event("v", at=at) for at in range(1, 101)])) as made:
        yield made


def test_without_a_serving_model_it_is_the_newest_part(spool: Spool) -> None:
    """On the first night the newest tenth judges, and nobody else has seen it."""
    assert choose_window(spool, None, 0.9, 5) == Window(91, is_new_to_serving=False)


def test_it_begins_where_the_serving_model_ended(spool: Spool) -> None:
    """Where enough came after the serving model's data, just that judges."""
    assert choose_window(spool, 93, 0.9, 5) == Window(94, is_new_to_serving=True)


def test_it_is_never_more_than_the_newest_part(spool: Spool) -> None:
    """A serving model that is old leaves more than can be spared for judging."""
    assert choose_window(spool, 40, 0.9, 5) == Window(91, is_new_to_serving=True)


@pytest.mark.parametrize(("newest_at", "is_new"), [(95, True), (96, False), (100, False)])
def test_too_little_news_is_no_window(spool: Spool, newest_at: int, *, is_new: bool) -> None:
    """With fewer new events than asked for, the newest part judges, which serving has seen."""
    expected = Window(newest_at + 1 if is_new else 91, is_new_to_serving=is_new)
    assert choose_window(spool, newest_at, 0.9, 5) == expected


def test_no_more_events_judge_than_memory_can_hold(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the history, the window holds no more events than a fixed number."""
    monkeypatch.setattr(window, "_MOST", 4)
    assert choose_window(spool, None, 0.9, 5).cut_at == 97
    assert choose_window(spool, 40, 0.9, 3).cut_at == 97
