"""State: what is known of one user and one video, and how two of them merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data.interaction import Interaction

NEUTRAL: Final = 0
LIKE: Final = 1
DISLIKE: Final = 2

# What is known of one (user, video). A time of 0 means "never", a ratio or rating of 0 "none".
STATE: Final = np.dtype(
    [
        ("seen", "i8"),  # ms UTC of the latest watch or rating
        ("earliest", "i8"),  # ms UTC of the earliest event of any kind
        ("latest", "i8"),  # ms UTC of the latest event of any kind
        ("watch_ratio", "f8"),  # the greatest
        ("rating", "f8"),  # stars; the last writer wins, by (rated_at, rating)
        ("rated_at", "i8"),
        ("reaction", "i1"),  # NEUTRAL, LIKE or DISLIKE; the last writer wins, by (at, value)
        ("reacted_at", "i8"),
        ("shared", "?"),
        ("hidden", "?"),
    ]
)
_REACTIONS: Final = {"neutral": NEUTRAL, "like": LIKE, "dislike": DISLIKE}


def event_state(event: Interaction) -> tuple[Any, ...]:
    """State of one video after a single event: the fields of `STATE` in their order."""
    kind, at = event.kind, event.at
    reacted = kind in _REACTIONS
    return (
        at if kind in ("watch", "rating") else 0,
        at,
        at,
        (event.watch_ratio if kind == "watch" else 0.0) or 0.0,  # -0.0 has other bytes than 0.0
        event.rating if kind == "rating" else 0.0,
        at if kind == "rating" else 0,
        _REACTIONS.get(kind, NEUTRAL),
        at if reacted else 0,
        kind == "share",
        kind == "hide",
    )


def merge_states(a: NDArray[np.void], b: NDArray[np.void]) -> NDArray[np.void]:
    """Merge two arrays of states, element by element.

    Commutative, associative and idempotent, so neither the order nor the number of
    deliveries matters.

    Parameters
    ----------
    a, b
        Shape (n,), dtype `STATE`; element i of both speaks of the same user and video.
    """
    out = a.copy()
    for field in ("seen", "latest", "watch_ratio", "shared", "hidden"):
        np.maximum(a[field], b[field], out=out[field])
    np.minimum(a["earliest"], b["earliest"], out=out["earliest"])
    for value, at in (("rating", "rated_at"), ("reaction", "reacted_at")):
        tied = (a[at] == b[at]) & (b[value] > a[value])
        newer = (b[at] > a[at]) | tied
        out[value] = np.where(newer, b[value], a[value])
        np.maximum(a[at], b[at], out=out[at])
    return out


def merge_pair(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    """Merge one state with another; the twin of `merge_states` for plain numbers.

    Parameters
    ----------
    a, b
        The fields of `STATE` in their order.
    """
    seen, earliest, latest, ratio, rating, rated_at, reaction, reacted_at, shared, hidden = zip(
        a, b, strict=True
    )
    last_rated_at, last_rating = max(zip(rated_at, rating, strict=True))
    last_reacted_at, last_reaction = max(zip(reacted_at, reaction, strict=True))
    return (
        max(seen),
        min(earliest),
        max(latest),
        max(ratio),
        last_rating,
        last_rated_at,
        last_reaction,
        last_reacted_at,
        max(shared),
        max(hidden),
    )


def place_times(states: NDArray[np.void]) -> NDArray[np.int64]:
    """Time by which videos are ranked, in ms: the latest watch or rating.

    A video with reactions only stands at its earliest event, so a later reaction moves nothing.
    """
    return np.where(states["seen"] > 0, states["seen"], states["earliest"])
