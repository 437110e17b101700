"""The made-up history of the benchmarks: what it promises to those who measure with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from batch_training.events import RATING, WATCH
from batch_training.reading.load import LoadSettings, load
from data.interaction import KINDS
from data.sources.files import read_interactions
from data.sources.made_up import START_MS
from tests.benchmarks import synthetic
from tests.benchmarks.synthetic import DAYS, Size, draw_history, write_history

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SMALL = Size(users=1_000, videos=20_000, events=60_000)
END_MS = START_MS + (DAYS + 1) * 86_400_000
STRICT = LoadSettings(max_bad_share=0.0)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small history come in several batches."""
    monkeypatch.setattr(synthetic, "_BATCH", 20_000)


def share_of_the_first_tenth(codes: NDArray[np.int32], count: int) -> float:
    """Tell which share of the events belongs to the tenth that has most of them."""
    counts = np.sort(np.bincount(codes, minlength=count))[::-1]
    return float(counts[: count // 10].sum() / counts.sum())


def test_few_users_and_few_videos_have_most_of_it() -> None:
    """Both have a long tail, and hardly any user is left without anything."""
    events = draw_history(SMALL)
    assert len(events) == SMALL.events
    assert 0.3 < share_of_the_first_tenth(events.user, SMALL.users) < 0.6
    assert 0.3 < share_of_the_first_tenth(events.video, SMALL.videos) < 0.8
    assert len(np.unique(events.user)) > 0.95 * SMALL.users


def test_all_kinds_occur_and_most_rows_are_watches() -> None:
    """Reactions are an eighth; ratings alone have stars, watches alone a watch ratio."""
    events = draw_history(SMALL)
    share = np.bincount(events.kind, minlength=len(KINDS)) / len(events)
    assert share[WATCH] == pytest.approx(1 - synthetic.REACTIONS, abs=0.01)
    assert (share > 0.002).all()
    assert np.array_equal(~np.isnan(events.watch_ratio), events.kind == WATCH)
    assert np.array_equal(~np.isnan(events.rating), events.kind == RATING)


def test_some_rows_come_twice_and_some_late() -> None:
    """Both are few, and beside them the rows stand in order of time, over three months."""
    events = draw_history(SMALL)
    rows = np.column_stack([events.user, events.video, events.kind, events.at])
    again = len(rows) - len(np.unique(rows, axis=0))
    assert again / len(rows) == pytest.approx(synthetic.REPEATED, rel=0.2)
    minute_late = events.at < np.maximum.accumulate(events.at) - 60_000
    assert 0.9 * synthetic.LATE < minute_late.mean() < 1.5 * synthetic.LATE
    assert np.ptp(events.at) / 86_400_000 == pytest.approx(DAYS, rel=0.01)


def test_a_user_watches_more_of_what_fits_the_taste() -> None:
    """Most that a user watches is of three topics, and of those the watches are longer."""
    events = draw_history(SMALL)
    watches = events.take(events.kind == WATCH)
    topics = np.zeros((SMALL.users, synthetic.TOPICS), np.int64)
    np.add.at(topics, (watches.user, watches.video % synthetic.TOPICS), 1)
    likes = np.argsort(-topics, axis=1)[:, : synthetic.TASTES]
    fits = (likes[watches.user] == (watches.video % synthetic.TOPICS)[:, None]).any(axis=1)
    assert fits.mean() > 0.8
    assert watches.watch_ratio[fits].mean() > watches.watch_ratio[~fits].mean() + 0.3


def test_the_file_holds_what_was_drawn_and_the_night_takes_all_of_it(tmp_path: Path) -> None:
    """No row is refused, and the seed decides every cell."""
    paths = [tmp_path / f"{name}.parquet" for name in "abc"]
    for path, seed in zip(paths, (0, 0, 1), strict=True):
        write_history(path, SMALL, seed)
    first, again, other = (pq.read_table(path) for path in paths)
    assert first.equals(again)
    assert not first.equals(other)
    spool, report = load(read_interactions(paths[0]), STRICT, END_MS, tmp_path)
    read, expected = spool.events(), draw_history(SMALL)
    assert report.rows == len(read) == SMALL.events
    assert [read.interaction(row) for row in range(500)] == [
        expected.interaction(row) for row in range(500)
    ]


def test_users_and_videos_grow_with_the_events() -> None:
    """20 million events are of 150,000 users and 50,000 videos."""
    assert Size.of(20_000_000) == (150_000, 50_000, 20_000_000)
    assert Size.of(1_000_000) == (7_500, 2_500, 1_000_000)
