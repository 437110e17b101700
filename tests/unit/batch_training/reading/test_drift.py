"""Tonight's data next to last night's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from batch_training.night_report import DataFacts
from batch_training.reading.drift import drift, rises

LAST = DataFacts(
    rows=1100,
    events=1000,
    users=100,
    videos=50,
    pairs=900,
    oldest_at=1,
    newest_at=2,
    kinds={"watch": 900, "like": 91, "hide": 9},
    watch_ratio=(0.0, 0.5, 0.9),
    dropped={},
    left_out={},
    fingerprint="",
)


def now(**changes: Any) -> DataFacts:  # noqa: ANN401 - any field
    """Give last night's facts with some changes."""
    return msgspec.structs.replace(LAST, **changes)


@pytest.mark.parametrize(
    ("changes", "name", "then", "here"),
    [
        ({"events": 499, "kinds": {"watch": 450, "like": 45}}, "number of events", "1,000", "499"),
        ({"users": 49}, "the number of users", "100", "49"),
        ({"videos": 0}, "the number of videos", "50", "0"),
        ({"kinds": {"watch": 960, "like": 40}}, "the share of the kind like", "0.091", "0.04"),
        ({"kinds": {"watch": 999}}, "the share of the kind like", "0.091", "0"),
        ({"watch_ratio": (0.0, 0.2, 0.9)}, "the 50% quantile of the watch ratio", "0.5", "0.2"),
        ({"watch_ratio": (0.0, 0.5, 0.4)}, "the 90% quantile of the watch ratio", "0.9", "0.4"),
    ],
)
def test_a_fall_is_named(changes: dict[str, Any], name: str, then: str, here: str) -> None:
    """Each fall beyond the setting is a sentence with the number, then and now, and the setting."""
    (sentence,) = drift(now(**changes), LAST)
    assert f"{name} fell from {then} last night to {here}, by " in sentence
    assert "max_fall bears 50.0%" in sentence


def test_what_is_borne_is_not_named() -> None:
    """A fall just at the setting, a rare kind that is gone, and any rise are no reason to stop."""
    assert drift(LAST, LAST) == []
    assert drift(now(users=50, kinds={"watch": 900, "like": 91}), LAST) == []
    assert drift(now(events=10**9, kinds={"watch": 9 * 10**8, "like": 10**8}), LAST) == []
    assert drift(now(users=49), LAST, max_fall=0.6) == []
    assert drift(now(watch_ratio=(), users=51), LAST) == []
    assert len(drift(now(users=99), LAST, max_fall=0.0)) == 1


def test_a_great_rise_is_unusual() -> None:
    """What more than trebled is a sentence of its own."""
    assert rises(LAST, LAST) == []
    assert rises(now(users=300), LAST) == []
    assert rises(now(users=301), LAST) == [
        "the number of users rose from 100 last night to 301, 3.0 times as much"
    ]
