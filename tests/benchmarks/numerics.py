"""Fold-in and top-n of a batch of users, against what `implicit` does for the same batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from data.interaction import Interaction
from data.scoring import fold_in, top_n
from data.up_next import up_next
from tests.benchmarks.race import race
from tests.benchmarks.report import Report
from tests.benchmarks.world import LARGE, Batch, Size, World, first_users, make_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LENGTH: Final = 20
_NOISE: Final = 1e-6  # scores that differ by less, relative to their size, are equal in float32

# Names of the runners, as the table shows them.
THEIRS: Final = "implicit: recommend"
THEIR_FOLD_IN: Final = "  of which recalculate_user"
OURS: Final = "UpNext: fold_in, top_n"
OUR_FOLD_IN: Final = "  of which fold_in"
GEMM: Final = "the bare GEMM of all videos, beside"
FROM_HISTORIES: Final = "UpNext: up_next of histories"
ALL_PARTS: Final = "  with prior and follow-ups"
ADD: Final = "UpNext: merge one event"
PACK: Final = "UpNext: both to bytes"
TOP_N: Final = "  of which top_n"


class Agreement(NamedTuple):
    """How well two sides agree on the lists.

    Attributes
    ----------
    users, identical
        Lists that were compared, and those with the same videos in the same order.
    agree
        Lists that differ at most where the scores are equal but for noise.
    gap
        The greatest difference of two scores in one place, relative to their size.
    """

    users: int
    identical: int
    agree: int
    gap: float


def run(
    say: Callable[[str], None], size: Size = LARGE, batch: int = 256, rounds: int = 15
) -> Report:
    """Measure; `say` is told what is being done."""
    with threadpool_limits(1):
        say(f"numerics: training {size.videos:,} videos × {size.factors} factors")
        world = make_world(size)
        users = first_users(world, batch)
        runners = _runners(world, users)
        found = agreement(world, users)
        seconds = race(runners, rounds, lambda done: say(f"numerics: round {done} of {rounds}"))
    return Report(
        title=f"Fold-in and top {LENGTH}: CPU time for a user in a batch of {batch}",
        conditions=[
            str(world),
            f"histories of {size.length} videos, half-life off; median of {rounds} rounds by turns",
            "implicit: recalculate_user=True, alpha=1, num_threads=1, one call for the batch;",
            "it solves by Cholesky, whatever use_cg says",
        ],
        columns=("", "µs per user", "of implicit's", "times less"),
        rows=_rows(seconds, batch),
        notes=[
            f"lists: {found.identical} of {found.users} identical, {found.agree} if scores",
            f"within {_NOISE:g} of each other count as equal; greatest difference {found.gap:.1e}",
            f"prior and follow-ups: {seconds[ALL_PARTS] / seconds[FROM_HISTORIES]:.2f} times",
            "the time of a list without; goal at most 1.5",
        ],
    )


def agreement(world: World, batch: Batch) -> Agreement:
    """Compare the lists of both sides, and how the same users score the videos on them."""
    theirs, _ = _implicit(world)(batch)
    ours, _ = _rank(world, batch)
    users = fold_in(world.model, batch.known, batch.confidence).astype(np.float64)
    whitened = world.model.whitened
    factors = whitened.factors[whitened.position_of].astype(np.float64)
    scores = [np.einsum("unk,uk->un", factors[rows], users) for rows in (theirs, ours)]
    gaps = np.abs(scores[0] - scores[1]) / np.abs(scores[0]).max(axis=1, keepdims=True)
    return Agreement(
        len(ours),
        int((theirs == ours).all(axis=1).sum()),
        int(((theirs == ours) | (gaps < _NOISE)).all(axis=1).sum()),
        float(gaps.max()),
    )


def _implicit(world: World) -> Callable[[Batch], tuple[NDArray[np.int32], NDArray[np.float32]]]:
    """Set implicit up as well as it can be: everything that can be prepared is."""
    model = their_model(world)

    def recommend(batch: Batch) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        ids, scores = model.recommend(
            np.arange(len(batch.users)),
            batch.matrix,
            N=LENGTH,
            filter_already_liked_items=True,
            recalculate_user=True,
        )
        return ids, scores

    return recommend


def their_model(world: World) -> AlternatingLeastSquares:
    model = AlternatingLeastSquares(
        factors=world.model.n_factors,
        regularization=world.regularization,
        alpha=1.0,
        num_threads=1,
    )
    model.item_factors = world.model.item_factors
    return model


def _rank(world: World, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    users = fold_in(world.model, batch.known, batch.confidence)
    return top_n(world.model, users, batch.known, LENGTH)


def _runners(world: World, batch: Batch) -> dict[str, Callable[[], object]]:
    """Everything that is timed; a round calls each once."""
    model, theirs, bare = world.model, _implicit(world), their_model(world)
    whole = replace(model, follow_ups=world.follow_ups, prior=model.popularity / 1e3)
    ids = np.arange(len(batch.users))
    factors = fold_in(model, batch.known, batch.confidence)
    scores = np.empty((len(ids), model.n_items), np.float32)
    at = 1 + max(history.newest_at for history in batch.histories)
    news = [
        Interaction(user=user, video=f"new of {user}", kind="watch", at=at, watch_ratio=0.5)
        for user in batch.users
    ]
    lists = up_next(model, batch.users, batch.histories, version="v", activation=1, length=LENGTH)
    return {
        THEIRS: lambda: theirs(batch),
        OURS: lambda: _rank(world, batch),
        THEIR_FOLD_IN: lambda: bare.recalculate_user(ids, batch.matrix),
        OUR_FOLD_IN: lambda: fold_in(model, batch.known, batch.confidence),
        GEMM: lambda: np.matmul(factors, model.item_factors.T, out=scores),
        FROM_HISTORIES: lambda: up_next(
            model, batch.users, batch.histories, version="v", activation=1, length=LENGTH
        ),
        ALL_PARTS: lambda: up_next(
            whole, batch.users, batch.histories, version="v", activation=1, length=LENGTH
        ),
        ADD: lambda: [h.add(event) for h, event in zip(batch.histories, news, strict=True)],
        PACK: lambda: [
            (history.to_bytes(), msgspec.json.encode(shown))
            for history, shown in zip(batch.histories, lists, strict=True)
        ],
    }


def _rows(seconds: dict[str, float], users: int) -> list[tuple[str, ...]]:
    """Lay the figures out; top-n is what is left of ours without the fold-in."""
    seconds = seconds | {TOP_N: seconds[OURS] - seconds[OUR_FOLD_IN]}
    ours = (OURS, OUR_FOLD_IN, TOP_N, GEMM)
    shown = (THEIRS, THEIR_FOLD_IN, *ours, FROM_HISTORIES, ALL_PARTS, ADD, PACK)
    lists = (OURS, FROM_HISTORIES, ALL_PARTS)
    return [
        (
            name,
            f"{seconds[name] / users * 1e6:.1f}",
            f"{seconds[name] / seconds[THEIRS]:.2f}",
            f"{seconds[THEIRS] / seconds[name]:.2f}×" if name in lists else "",
        )
        for name in shown
    ]
