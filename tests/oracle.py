"""The slow, obvious twin of everything that matters: plain dictionaries and float64.

It imports nothing of what it checks, so a mistake there can't hide here. Events are plain
dictionaries with the fields of an interaction, and a model is a plain dictionary of arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from tests.oracle_signals import confidence, effective_ratio, left_of, unwanted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from tests.oracle_signals import State, WatchScale

    Event = Mapping[str, Any]
    Scored = list[tuple[str, float]]

REACTIONS = {"neutral": 0, "like": 1, "dislike": 2}
NOTHING = {
    "seen": 0,
    "earliest": 0,
    "latest": 0,
    "watch_ratio": 0.0,
    "rating": 0.0,
    "rated_at": 0,
    "reaction": 0,
    "reacted_at": 0,
    "shared": False,
    "hidden": False,
}


class History(TypedDict):
    """What one user did: a state for each video, and the greatest (time, id) let go."""

    videos: dict[str, State]
    mark: tuple[int, str]


class Model(TypedDict):
    """A frozen model as plain arrays; ``confidence`` holds the parameters by name."""

    item_factors: NDArray[np.float64]
    gram: NDArray[np.float64]
    prior: NDArray[np.float64]
    popularity: NDArray[np.float64]
    blocked: Sequence[bool]
    ids: Sequence[str]
    confidence: Mapping[str, Any]
    watch_scale: WatchScale | None
    history_limit: int
    follow_ups: Mapping[int, Mapping[int, float]]
    follow_half_life: float


class UpNext(TypedDict):
    """An up-next list, and the score of every candidate for `compare_lists`."""

    at: int
    personal: bool
    items: Scored
    scores: dict[str, float]


def new_history() -> History:
    """History of somebody who did nothing yet."""
    return {"videos": {}, "mark": (0, "")}


def add_event(history: History, event: Event, limit: int) -> None:
    """Let one event into a history, in place."""
    video = event["video"]
    if (event["at"], video) <= history["mark"]:
        return
    state = history["videos"].setdefault(video, dict(NOTHING))
    _note(state, event)
    while len(history["videos"]) > limit:
        _let_oldest_go(history)


def _note(state: State, event: Event) -> None:
    """Merge one event into the state of its video."""
    at, kind = event["at"], event["kind"]
    state["earliest"] = min(state["earliest"] or at, at)
    state["latest"] = max(state["latest"], at)
    if kind in ("watch", "rating"):
        state["seen"] = max(state["seen"], at)
    if kind == "watch":
        state["watch_ratio"] = max(state["watch_ratio"], event["watch_ratio"])
    elif kind == "rating":
        new = max((state["rated_at"], state["rating"]), (at, event["rating"]))
        state["rated_at"], state["rating"] = new
    elif kind in REACTIONS:
        newest = max((state["reacted_at"], state["reaction"]), (at, REACTIONS[kind]))
        state["reacted_at"], state["reaction"] = newest
    state["shared"] |= kind == "share"
    state["hidden"] |= kind == "hide"


def _let_oldest_go(history: History) -> None:
    """Let the oldest video go, hidden and disliked ones last, and raise the mark."""
    names = videos_by_place(history)
    gone = next((name for name in names if not unwanted(history["videos"][name])), names[0])
    state = history["videos"].pop(gone)
    history["mark"] = max(history["mark"], (state["latest"], gone))


def videos_by_place(history: History) -> list[str]:
    """Videos of a history, oldest first: by latest watch or rating, then by id."""

    def place(video: str) -> tuple[int, str]:
        state = history["videos"][video]
        return (state["seen"] or state["earliest"], video)

    return sorted(history["videos"], key=place)


def newest_at(history: History) -> int:
    """Time of the newest event that the history knows."""
    latest = [state["latest"] for state in history["videos"].values()]
    return int(max([history["mark"][0], *latest]))


def histories(events: Iterable[Event], limit: int) -> dict[str, History]:
    """History of each user, the events taken one at a time in the order given."""
    found: dict[str, History] = {}
    for event in events:
        add_event(found.setdefault(event["user"], new_history()), event, limit)
    return found


def fold_in(
    item_factors: NDArray[np.floating[Any]],
    gram: NDArray[np.floating[Any]],
    rows: Sequence[int],
    confidences: Sequence[float],
    preferences: Sequence[float] | None = None,
) -> NDArray[np.float64]:
    """Solve for the factors of one user, shape (k,), as the paper writes it.

    ``preferences`` are those of the share of each wanted video that an unobserved one has too.
    """
    factors = np.asarray(item_factors, np.float64)
    left = np.array(gram, np.float64)
    right = np.zeros(factors.shape[1])
    preferences = [1.0] * len(rows) if preferences is None else preferences
    for row, value, preference in zip(rows, confidences, preferences, strict=True):
        left += (abs(value) - 1) * np.outer(factors[row], factors[row])
        if value > 0:
            right += (value - 1 + preference) * factors[row]
    return np.asarray(np.linalg.solve(left, right), np.float64)


def weighed(model: Model, row: int, state: State, age: int) -> float:
    """Confidence of one of the model's videos in the fold-in."""
    parameters = model["confidence"]
    ratio = effective_ratio(
        model["watch_scale"], parameters["duration_share"], row, state["watch_ratio"]
    )
    return confidence(state, parameters, age, ratio)


def best(scores: Sequence[float], left_out: Callable[[int], bool], n: int) -> list[int]:
    """Rows of the n best scores that are not left out: best first, ties to the lower row."""
    candidates = [row for row in range(len(scores)) if not left_out(row)]
    return sorted(candidates, key=lambda row: (-scores[row], row))[:n]


def up_next(model: Model, history: History, n: int) -> UpNext:
    """Make the up-next list of one history."""
    row_of = {video: row for row, video in enumerate(model["ids"])}
    known: dict[int, tuple[float, float]] = {}
    soon = np.zeros(len(model["ids"]))
    for age, video in enumerate(reversed(videos_by_place(history))):
        if video not in row_of:
            continue
        value = weighed(model, row_of[video], history["videos"][video], age)
        if value:
            known[row_of[video]] = value, left_of(age, model["confidence"])
            if value > 0:
                soon += follow_ups(model, row_of[video], age)
    personal = any(value > 0 and left > 0 for value, left in known.values())
    if personal:
        values_, left = zip(*known.values(), strict=True)
        user = fold_in(model["item_factors"], model["gram"], list(known), values_, left)
        scores = np.asarray(model["item_factors"], np.float64) @ user + model["prior"] + soon
    else:
        scores = np.asarray(model["popularity"], np.float64)
    values = [float(score) for score in scores]

    def left_out(row: int) -> bool:
        return row in known or bool(model["blocked"][row])

    ids = model["ids"]
    return {
        "at": newest_at(history),
        "personal": personal,
        "items": [(ids[row], values[row]) for row in best(values, left_out, n)],
        "scores": {ids[row]: v for row, v in enumerate(values) if not left_out(row)},
    }


def follow_ups(model: Model, row: int, age: int) -> NDArray[np.float64]:
    """What a watched video adds to the score of each; nothing after 8 half-lives."""
    added = np.zeros(len(model["ids"]))
    if age <= 8 * model["follow_half_life"]:
        for follower, score in model["follow_ups"].get(row, {}).items():
            added[follower] = score * 0.5 ** (age / model["follow_half_life"])
    return added


def compare_lists(
    got: Sequence[tuple[str, float]],
    expected: UpNext,
    *,
    tolerance: float = 1e-6,
    score_tolerance: float = 1e-4,
) -> list[str]:
    """Tell how a list differs from the oracle's; an empty answer means not at all.

    Another id may stand in a place only if its own score, by the oracle, differs from that of
    the id expected there by less than ``tolerance`` of their size. The scores that are shown
    may be off by ``score_tolerance`` of their size, as they are float32 and rounded.
    """
    items, scores = expected["items"], expected["scores"]
    if len(got) != len(items):
        return [f"{len(got)} videos listed, {len(items)} expected"]
    complaints = _repeated([video for video, _ in got])
    for place, ((video, shown), (wanted, score)) in enumerate(zip(got, items, strict=True)):
        own = scores.get(video)
        if own is None:
            complaints.append(f"place {place}: {video!r} must not be listed")
        elif video != wanted and not abs(own - score) < tolerance * max(abs(own), abs(score)):
            complaints.append(f"place {place}: {video!r} ({own}), expected {wanted!r} ({score})")
        elif abs(shown - own) > score_tolerance * max(abs(own), 1.0):
            complaints.append(f"place {place}: {video!r} shows {shown}, expected {own}")
    return complaints


def _repeated(videos: Collection[str]) -> list[str]:
    return [] if len(set(videos)) == len(videos) else ["a video is listed twice"]
