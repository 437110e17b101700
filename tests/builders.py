"""Small parts that several tests build: events, histories, models, and how to draw them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from hypothesis import strategies as st

from data.confidence import ConfidenceParameters
from data.follow_ups import FollowUps
from data.frozen_model import FrozenModel
from data.interaction import Interaction
from data.scoring import Ragged
from data.user_history import UserHistory
from data.vocabulary import Vocabulary
from data.watch_scale import WatchScale
from stream_inference.faust_worker.settings import WorkerSettings
from tests import oracle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.oracle import Event
    from tests.oracle_signals import WatchScale as PlainScale

NOW_MS = 1_700_000_000_000
# Few, so that events meet; of several lengths, and beyond ASCII, as a tie in time is broken by id.
VIDEOS = ("a", "aa", "b", "é", "日", "😀", "\x00", "}{")
WORKER_SETTINGS = WorkerSettings(
    kafka="127.0.0.1:9092",
    events_topic="events",
    dead_letters_topic="dead",
    group="group",
    redis_url="redis://127.0.0.1:6379/0",
    redis_prefix="test",
)
KINDS = ("watch", "like", "dislike", "neutral", "share", "hide", "rating")


def event(video: str = "v", kind: str = "watch", at: int = NOW_MS, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """Give one event as a plain dictionary, which both the product and the oracle can take."""
    filled = {"user": "u", "video": video, "kind": kind, "at": at}
    if kind == "watch":
        filled["watch_ratio"] = 1.0
    elif kind == "rating":
        filled["rating"] = 4.0
    return filled | more


def interaction(plain: Event) -> Interaction:
    """Turn a plain event into the product's own type."""
    return msgspec.convert(dict(plain), Interaction)


def history(events: Iterable[Event], limit: int = 1_000) -> UserHistory:
    """Let the product merge events one at a time, in the order given."""
    merged = UserHistory.empty()
    for plain in events:
        merged = merged.add(interaction(plain), limit)
    return merged


def plain_history(given: UserHistory) -> dict[str, Any]:
    """Put the product's history into the oracle's form, with the order beside it."""
    names = given.states.dtype.names or ()
    states = [dict(zip(names, row, strict=True)) for row in given.states.tolist()]
    videos = dict(zip(given.videos, states, strict=True))
    return {"videos": videos, "mark": tuple(given.mark), "order": given.videos}


def expected_history(events: Iterable[Event], limit: int = 1_000) -> dict[str, Any]:
    """Let the oracle merge events one at a time; in the form of `plain_history`."""
    merged = oracle.new_history()
    for plain in events:
        oracle.add_event(merged, plain, limit)
    return {**merged, "order": oracle.videos_by_place(merged)}


def model(n_items: int = 40, n_factors: int = 6, seed: int = 0, **more: Any) -> FrozenModel:  # noqa: ANN401 - any field
    """Make a model of random factors, shaped as training leaves them."""
    random = np.random.default_rng(seed)
    factors = random.normal(0, 0.3, (n_items, n_factors)).astype(np.float32)
    wide = factors.astype(np.float64)
    fields: dict[str, Any] = {
        "item_factors": factors,
        "gram": wide.T @ wide + 0.5 * np.eye(n_factors),
        "prior": random.normal(0, 0.01, n_items).astype(np.float32),
        "popularity": random.integers(0, 5, n_items).astype(np.float32),
        "blocked": np.zeros(n_items, np.bool_),
        "vocabulary": Vocabulary(f"v{row}" for row in range(n_items)),
        "follow_ups": follow_ups(random, n_items),
        "watch_scale": watch_scale(random, n_items),
    }
    return FrozenModel(**(fields | more))


def ragged(parts: Iterable[Iterable[int]]) -> Ragged:
    """Put the rows of several users one after the other."""
    rows = [list(part) for part in parts]
    ends = np.cumsum([len(part) for part in rows], dtype=np.int64)
    return Ragged(ends, np.array([row for part in rows for row in part], np.int32))


def follow_ups(random: np.random.Generator, n_items: int, width: int = 3) -> FollowUps:
    """Draw up to ``width`` follow-ups for each video; the places behind are empty."""
    first = random.integers(n_items, size=(n_items, 1))
    rows = ((first + np.arange(min(width, n_items))) % n_items).astype(np.int32)
    scores = random.uniform(0.01, 0.2, rows.shape).astype(np.float32)
    empty = np.arange(rows.shape[1]) >= random.integers(width + 1, size=n_items)[:, None]
    rows[empty], scores[empty] = 0, 0
    return FollowUps(rows, scores, half_life=2.0)


def watch_scale(random: np.random.Generator, n_items: int) -> WatchScale:
    """Draw the durations' buckets, some unknown, and round quantiles that some watches meet."""
    knots = np.sort(random.integers(0, 9, (3, 4)) / 4, axis=1)
    return WatchScale(random.integers(4, size=n_items).astype(np.uint8), knots)


def plain_model(given: FrozenModel) -> oracle.Model:
    """Put a model into the oracle's form, in float64."""
    return {
        "item_factors": given.item_factors.astype(np.float64),
        "gram": given.gram,
        "prior": given.prior.astype(np.float64),
        "popularity": given.popularity.astype(np.float64),
        "blocked": given.blocked.tolist(),
        "ids": given.vocabulary.ids,
        "confidence": parameters(given.confidence),
        "watch_scale": plain_scale(given.watch_scale),
        "history_limit": given.history_limit,
        "follow_ups": _plain_follow_ups(given.follow_ups) if given.follow_ups else {},
        "follow_half_life": given.follow_ups.half_life if given.follow_ups else 1.0,
    }


def _plain_follow_ups(given: FollowUps) -> dict[int, dict[int, float]]:
    """Give the follow-ups of each row, without the places that are empty."""
    table = zip(given.rows.tolist(), given.scores.tolist(), strict=True)
    return {
        row: {video: score for video, score in zip(*both, strict=True) if score}
        for row, both in enumerate(table)
    }


def plain_scale(given: WatchScale | None) -> PlainScale | None:
    """Put a scale into the oracle's form."""
    if given is None:
        return None
    return {"bucket": given.bucket.tolist(), "knots": given.knots.tolist()}


def parameters(given: ConfidenceParameters) -> dict[str, Any]:
    """Give the confidence parameters by name."""
    return msgspec.structs.asdict(given)


def events(videos: tuple[str, ...] = VIDEOS, max_at: int = 12) -> st.SearchStrategy[dict[str, Any]]:
    """Draw events on a few videos within a few moments, so that ties are common."""
    return st.builds(
        _drawn_event,
        st.sampled_from(videos),
        st.sampled_from(KINDS),
        st.integers(1, max_at),
        st.sampled_from([0.0, -0.0, 0.25, 1.0, 3.5, 1e300]),
        st.sampled_from([0.5, 1.0, 2.5, 3.0, 4.75, 5.0]),
    )


def _drawn_event(
    video: str, kind: str, at: int, watch_ratio: float, rating: float
) -> dict[str, Any]:
    value = {"watch": {"watch_ratio": watch_ratio}, "rating": {"rating": rating}}.get(kind, {})
    return event(video, kind, at, **value)


def confidence_parameters() -> st.SearchStrategy[ConfidenceParameters]:
    """Draw confidence parameters within and at their bounds."""
    weight = st.floats(0, 10)
    return st.builds(
        ConfidenceParameters,
        alpha=st.floats(0, 100),
        half_life=st.none() | st.floats(0.5, 1000),
        rating_weights=st.tuples(*[weight] * 5),
        watch_weight=weight,
        watch_floor=st.just(0.0) | st.floats(0, 0.5),
        watch_knee=st.floats(0.6, 3),
        complete_weight=weight,
        duration_share=st.floats(0, 1),
        like_weight=weight,
        share_weight=weight,
        dislike_weight=weight,
        hide_weight=weight,
        skip_weight=weight,
    )
