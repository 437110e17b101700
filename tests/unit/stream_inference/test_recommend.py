"""The pure heart of the day: news merged into histories, and lists made of them."""

from __future__ import annotations

import numpy as np

from data.frozen_model import ModelVersion
from data.popular import Popular
from data.user_history import UserHistory
from stream_inference.recommend import Serving, lists_for, merge_news, news_of
from tests import oracle
from tests.builders import (
    NOW_MS,
    event,
    expected_history,
    history,
    interaction,
    model,
    plain_history,
    plain_model,
)

MODEL = model()
SERVING = Serving(MODEL, ModelVersion("some version"), 7)


def test_news_keep_the_order_of_arrival() -> None:
    """Events are grouped by user, users and events in order of arrival, duplicates kept."""
    events = [
        event("a", user="second"),
        event("b", user="first", at=3),
        event("c", user="second", at=2),
        event("a", user="second"),
    ]
    news = news_of([interaction(plain) for plain in events])
    assert list(news) == ["second", "first"]
    assert news["second"] == [interaction(events[at]) for at in (0, 2, 3)]
    assert news_of([]) == {}


def test_merge_is_what_the_oracle_says() -> None:
    """Merged news give the oracle's history, on top of what was known, within the limit."""
    known = [event(f"old{n}", at=NOW_MS + n) for n in range(4)]
    fresh = [event("new", at=NOW_MS + 9), event("old3", "hide", at=NOW_MS + 8)]
    news = news_of([interaction(plain) for plain in fresh])
    merged = merge_news({"u": history(known, limit=4), "other": UserHistory.empty()}, news, limit=4)
    assert list(merged) == ["u"]
    assert plain_history(merged["u"]) == expected_history(known + fresh, limit=4)


def test_nothing_new_is_the_same_object() -> None:
    """A history that holds all the news already comes back itself, so that nothing is written."""
    events = [event("a"), event("b", "like")]
    known = history(events)
    news = news_of([interaction(plain) for plain in [*events, *events]])
    assert merge_news({"u": known}, news)["u"] is known


def test_lists_are_what_the_oracle_says() -> None:
    """Each user gets the oracle's list, with user, version, activation and newest event."""
    plain = {
        "fan": [event("v1"), event("v7", "like"), event("v9", "hide"), event("nobody knows it")],
        "critic": [event("v2", "dislike", at=NOW_MS + 5)],
        "stranger": [],
    }
    histories = [history(events) for events in plain.values()]
    lists = lists_for(SERVING, list(plain), histories, length=6)
    for (user, events), shown in zip(plain.items(), lists, strict=True):
        known = oracle.histories((e | {"user": user} for e in events), 1_000)
        expected = oracle.up_next(plain_model(MODEL), known.get(user, oracle.new_history()), 6)
        items = [(item.id, item.score) for item in shown.items]
        assert oracle.compare_lists(items, expected) == []
        assert (shown.user, shown.version, shown.activation) == (user, "some version", 7)
        assert (shown.at, shown.personal) == (expected["at"], expected["personal"])


def test_without_a_model_the_popular_videos_are_listed() -> None:
    """A list then holds the most popular videos but the user's own and those taken down."""
    liked = np.arange(40, dtype=np.float32)
    given = model(popularity=liked, blocked=liked == 38)
    popular = Popular.of(given, "some version")
    own = history([event("v39"), event("nobody knows it"), event("v36", at=NOW_MS - 1)])
    (shown,) = lists_for(popular, ["u"], [own], length=3)
    assert [(item.id, item.score) for item in shown.items] == [
        ("v37", 37.0),
        ("v35", 35.0),
        ("v34", 34.0),
    ]
    assert (shown.user, shown.version, shown.activation) == ("u", "some version", 0)
    assert (shown.at, shown.personal) == (NOW_MS, False)


def test_no_model_and_nothing_popular_gives_empty_lists() -> None:
    """While there was no model yet, a list holds no video, yet tells which events it knows."""
    (shown,) = lists_for(Popular(), ["u"], [history([event("v1", at=NOW_MS)])])
    assert (shown.user, shown.version, shown.activation) == ("u", "", 0)
    assert (shown.at, shown.personal, shown.items) == (NOW_MS, False, ())


def test_nobody_gives_nothing() -> None:
    """No users give no lists, with a model and without."""
    assert lists_for(SERVING, [], []) == lists_for(Popular(), [], []) == []
