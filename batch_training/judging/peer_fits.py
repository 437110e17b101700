"""Fits of the peers: all of them learn from who wanted what, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec
import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse import csr_array

from batch_training.judging.peers import ItemItemWay, PopularWay
from batch_training.judging.ways import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from batch_training.judging.wanted import Wanted
    from batch_training.judging.ways import Way

_BLOCK: Final = 256  # videos compared with all others at once
_TIE: Final = 1e-6  # popularity decides between videos of equal score, and nothing else


PeerName = Literal["popularity", "recent_popularity", "item_knn", "ease"]


class PeerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the peers.

    The defaults were tuned by the replay of MovieLens-1M (`tests.benchmarks.tune_peers`). Only
    the neighbours are fewer than the best, which were 1,600: four times the memory and the time
    of every night's lists would bring 4 % more hits. The page of quality takes the best.

    Attributes
    ----------
    neighbours
        Item-kNN: how many are kept of each video.
    shrinkage
        Item-kNN: added to the denominator of the cosine, so that what rests on few users counts
        less.
    item_knn_half_life, ease_half_life
        In videos of the user, as of the model; None for none.
    ease_ridge
        EASE: λ, added to the diagonal of the item-item gram.
    ease_videos
        EASE is left out of a larger catalogue: time and memory grow with its cube and square.
    pairs
        Pairs of videos wanted by the same user that item-kNN and EASE look at; users are drawn
        until they have so many.
    seed
        For that draw.
    """

    neighbours: int = 400
    shrinkage: float = 10.0
    item_knn_half_life: float | None = 1.5
    ease_ridge: float = 2_000.0
    ease_half_life: float | None = 3.0
    ease_videos: int = 6_000
    pairs: int = 500_000_000
    seed: int = 0


class Peers(NamedTuple):
    """The peers, and what there is to say of those that were cut short or left out, by name."""

    ways: list[Way]
    left_out: dict[str, str]


def peers(
    names: Sequence[PeerName],
    learnt_from: Wanted,
    listable: NDArray[np.int32],
    settings: PeerSettings,
) -> Peers:
    """Fit some peers.

    Parameters
    ----------
    listable
        Codes of the videos that may be listed, ascending.
    """
    ways: list[Way] = []
    left_out: dict[str, str] = {}
    counts = {"popularity": learnt_from.popularity, "recent_popularity": learnt_from.recent}
    ways += [popular(n, learnt_from.codes, counts[n], listable) for n in names if n in counts]
    if not set(names) - set(counts) or not len(learnt_from.codes):
        return Peers(ways, left_out)
    matrix = learnt_from.some_users(settings.pairs, 2, settings.seed)
    if matrix.shape != learnt_from.matrix.shape:
        said = f"learnt from {matrix.shape[0]:,} of {learnt_from.matrix.shape[0]:,} users"
        left_out = {name: said for name in names if name not in counts}
    if "item_knn" in names:
        ways.append(item_knn(learnt_from, matrix, listable, settings))
    if "ease" in names and matrix.shape[1] <= settings.ease_videos:
        ways.append(ease(learnt_from, matrix, listable, settings))
    elif "ease" in names:
        left_out["ease"] = (
            f"{matrix.shape[1]:,} videos are too many for it; at most {settings.ease_videos:,}"
        )
    return Peers(ways, left_out)


def popular(
    name: str, codes: NDArray[np.int32], counts: NDArray[np.int64], listable: NDArray[np.int32]
) -> PopularWay:
    """Rank videos by how many users wanted them, ever or recently.

    Parameters
    ----------
    codes, counts
        Videos, and how many users wanted each; of all others nobody did.
    listable
        Codes of the videos that may be listed, ascending; of two that are alike the lower one
        comes first.
    """
    by_code = np.zeros(1 + max(codes.max(initial=0), listable.max(initial=0)), np.int64)
    by_code[codes] = counts
    return PopularWay(name, listable[np.argsort(-by_code[listable], kind="stable")])


def item_knn(
    learnt_from: Wanted,
    matrix: csr_array,
    listable: NDArray[np.int32],
    settings: PeerSettings,
) -> ItemItemWay:
    """Score by the nearest neighbours of each video of the history (Sarwar et al. 2001).

    Parameters
    ----------
    matrix
        The rows of ``learnt_from`` to look at.
    """
    weights = nearest(matrix, settings.neighbours, settings.shrinkage)
    return _item_item("item_knn", weights, learnt_from, listable, settings.item_knn_half_life)


def ease(
    learnt_from: Wanted,
    matrix: csr_array,
    listable: NDArray[np.int32],
    settings: PeerSettings,
) -> ItemItemWay:
    """Score by EASE, fitted in closed form (Steck 2019, "Embarrassingly shallow autoencoders").

    Parameters
    ----------
    matrix
        The rows of ``learnt_from`` to look at.
    """
    weights = ease_weights(matrix, settings.ease_ridge)
    return _item_item("ease", weights, learnt_from, listable, settings.ease_half_life)


def nearest(matrix: csr_array, neighbours: int, shrinkage: float) -> csr_array:
    """Find the nearest neighbours of each video, by the cosine of their users.

    Parameters
    ----------
    matrix
        1 where a user wanted a video, shape (n_users, n_columns).

    Returns
    -------
    Float32, shape (n_columns, n_columns), at most ``neighbours`` in each row.
    """
    size = np.sqrt(np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float32))
    by_video = matrix.T.tocsr()
    found: list[tuple[NDArray[np.integer], NDArray[np.float32]]] = []
    for first in range(0, matrix.shape[1], _BLOCK):
        together = by_video[first : first + _BLOCK] @ matrix
        for row in range(together.shape[0]):
            part = slice(together.indptr[row], together.indptr[row + 1])
            columns, own = together.indices[part], first + row
            alike = together.data[part] / (size[own] * size[columns] + np.float32(shrinkage))
            alike[columns == own] = 0
            best = np.argpartition(-alike, min(neighbours, len(alike)) - 1)[:neighbours]
            found.append((columns[best], alike[best]))
    ends = np.cumsum([0, *(len(columns) for columns, _ in found)])
    indices, data = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return csr_array((data, indices, ends), shape=(matrix.shape[1],) * 2)


def ease_weights(matrix: csr_array, ridge: float) -> NDArray[np.float32]:
    """Fit EASE.

    Parameters
    ----------
    matrix
        1 where a user wanted a video, shape (n_users, n_columns).

    Returns
    -------
    Weights, float32, shape (n_columns, n_columns), with a zero diagonal; scores are
    ``matrix @ B``.
    """
    gram = (matrix.T @ matrix).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    factor, _ = dpotrf(gram.T, lower=True, overwrite_a=True)  # transposed, as LAPACK wants it
    inverse, _ = dpotri(factor, lower=True, overwrite_c=True)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    weights: NDArray[np.float32] = (inverse / -np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights


def _item_item(
    name: str,
    weights: csr_array | NDArray[np.float32],
    learnt_from: Wanted,
    listable: NDArray[np.int32],
    half_life: float | None,
) -> ItemItemWay:
    counts = learnt_from.popularity
    tie = (counts * (_TIE / max(1, counts.max(initial=0)))).astype(np.float32)
    base = np.where(np.isin(learnt_from.codes, listable), tie, np.float32(-np.inf))
    reader = Reader(learnt_from.vocabulary).fading(half_life)
    return ItemItemWay(name, weights, base, learnt_from.codes, reader)
