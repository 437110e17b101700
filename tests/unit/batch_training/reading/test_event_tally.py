"""What is counted of events as they pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_training.reading.event_tally import EventTally
from batch_training.reading.load import LoadSettings, load
from data.interaction import EventLimits
from tests.builders import NOW_MS, event
from tests.unit.nights import table, world

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from batch_training.reading.load_report import LoadReport

SETTINGS = LoadSettings(limits=EventLimits(earliest_ms=1))
ROW = event("v", user="u", at=NOW_MS, watch_ratio=0.5)


def report_of(folder: Path, *parts: Sequence[dict[str, Any]]) -> LoadReport:
    """Load rows in several tables."""
    return load([table(part) for part in parts], SETTINGS, NOW_MS, folder)[1]


@pytest.fixture(name="folder", scope="module")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to load into again and again."""
    return tmp_path_factory.mktemp("scratch")


@given(st.permutations(world(users=3, videos=30, each=8)), st.integers(1, 23))
def test_the_fingerprint_knows_no_order(folder: Path, rows: list[dict[str, Any]], cut: int) -> None:
    """The same rows in another order, and in other files, have the same fingerprint."""
    first = report_of(folder, world(users=3, videos=30, each=8))
    assert report_of(folder, rows[:cut], rows[cut:]).tally.fingerprint == first.tally.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        [ROW | {"user": "u2"}],
        [ROW | {"video": "v2"}],
        [ROW | {"user": "v", "video": "u"}],
        [ROW | {"at": NOW_MS - 1}],
        [ROW | {"kind": "like"}],
        [ROW | {"watch_ratio": 0.25}],
        [ROW | {"watch_ratio": 0.0}],
        [ROW | {"rating": 0.5}],
        [ROW, ROW],
    ],
    ids=str,
)
def test_the_fingerprint_knows_every_value(folder: Path, other: list[dict[str, Any]]) -> None:
    """Another value anywhere, or a row twice, gives another one in both halves."""
    one, two = (report_of(folder, rows).tally.fingerprint for rows in ([ROW], other))
    assert len(one) == 32
    assert one[:16] != two[:16]
    assert one[16:] != two[16:]


def test_swapped_values_are_another_fingerprint(folder: Path) -> None:
    """Two users who swap what they watched, or their stars, are told apart from before."""
    rows = [ROW, ROW | {"user": "w", "video": "x", "rating": 2.0}]
    for name in ("video", "rating"):
        swapped = [
            row | {name: other.get(name)} for row, other in zip(rows, rows[::-1], strict=True)
        ]
        one, two = (report_of(folder, part).tally.fingerprint for part in (rows, swapped))
        assert one[:16] != two[:16]
        assert one[16:] != two[16:]


def test_both_zeros_are_one(folder: Path) -> None:
    """A watch ratio of -0.0 says what 0.0 says."""
    one, two = (
        report_of(folder, [ROW | {"watch_ratio": zero}]).tally.fingerprint for zero in (0.0, -0.0)
    )
    assert one == two


def test_facts_tell_what_came(folder: Path) -> None:
    """Events by kind, the times, distinct ids and what was dropped are counted over all tables."""
    report = report_of(
        folder,
        [event("a", "like", 5), *[event("b", at=7)] * 40],
        [event("a", "rating", 3, user="x"), event(user="")],
    )
    facts = report.facts(pairs=3, left_out={"bots": 1})
    assert facts.kinds == {"watch": 40, "like": 1, "rating": 1}
    assert (facts.rows, facts.events, facts.users, facts.videos, facts.pairs) == (43, 42, 2, 2, 3)
    assert (facts.oldest_at, facts.newest_at) == (3, 7)
    assert (facts.dropped, facts.left_out) == ({"invalid": 1}, {"bots": 1})
    assert facts.fingerprint == report.tally.fingerprint


@given(st.lists(st.floats(0, 12), min_size=1, max_size=50))
def test_quantiles_are_exact_to_a_thousandth(folder: Path, ratios: list[float]) -> None:
    """The 10, 50 and 90 % quantiles are those of the ratios, where those above 10 count as 10."""
    report = report_of(folder, [event(watch_ratio=ratio) for ratio in ratios])
    expected = np.quantile(np.minimum(ratios, 10), [0.1, 0.5, 0.9], method="lower")
    np.testing.assert_allclose(report.tally.watch_ratio, expected, atol=0.0011)


def test_nothing_watched_has_no_quantiles(folder: Path) -> None:
    """Where nothing was watched there is nothing to tell, and of nothing at all neither."""
    assert report_of(folder, [event(kind="like")]).tally.watch_ratio == ()
    assert EventTally().kind_counts == {}
