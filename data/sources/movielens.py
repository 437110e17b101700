"""MovieLens, 1M and 100K: real ratings, fetched when needed and cached, never shipped."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from data.catalogue import Catalogue
from data.sources.data_set import DataSet
from data.sources.movielens_sets import MOVIELENS_1M, MOVIELENS_100K
from data.sources.table import COLUMNS, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from data.sources.movielens_sets import MovieLens, Ways

CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. "
    "https://doi.org/10.1145/2827872"
)
_RECORD: Final = "record.json"


def load_movielens_1m(
    cache: Path, progress: Callable[[str], None], ways: Ways = MOVIELENS_1M.ways
) -> DataSet:
    """Take MovieLens-1M from the cache, or else fetch it: see `load_movielens`.

    Returns
    -------
    1,000,209 ratings of 3,706 films by 6,040 users, and a catalogue of 3,883 films. A video's id
    is its title with the year, which is unique; users are ``u1`` to ``u6040``.
    """
    return load_movielens(replace(MOVIELENS_1M, ways=ways), cache, progress)


def load_movielens_100k(
    cache: Path, progress: Callable[[str], None], ways: Ways = MOVIELENS_100K.ways
) -> DataSet:
    """Take MovieLens-100K from the cache, or else fetch it: see `load_movielens`.

    Returns
    -------
    100,000 ratings of 1,682 films by 943 users. A video's id is its title with the year, and with
    its number where 36 films share 18 titles: ``Chasing Amy (1997) #246``; users are ``u1`` to
    ``u943``.
    """
    return load_movielens(replace(MOVIELENS_100K, ways=ways), cache, progress)


def load_movielens(wanted: MovieLens, cache: Path, progress: Callable[[str], None]) -> DataSet:
    """Take a data set from the cache, or else fetch it and put it there.

    The data may be used for research only and not be passed on; whoever publishes results cites
    `CITATION`. In the cache they lie as ``interactions.parquet``, in order of time, and
    ``catalogue.parquet`` beside it.

    Parameters
    ----------
    wanted
        Which, and by what ways.
    cache
        The folder for all caches, as `default_cache` gives it.
    progress
        Is told, in a sentence, what takes time.

    Raises
    ------
    SourceError
        If no way led to the data: one sentence for each.
    """
    folder = cache / wanted.folder
    notes: list[str] = []
    if not _is_whole(folder):
        if folder.exists():
            notes.append(f"The copy in {folder} was not whole, so it was made again.")
        notes += _fetch(wanted, folder, progress)
    origin = json.loads((folder / _RECORD).read_text())["origin"]
    notes.append(f"{wanted.name} comes from {origin} and is cached in {folder}.")
    interactions = pd.read_parquet(folder / "interactions.parquet").reindex(columns=[*COLUMNS])
    catalogue = Catalogue.read(folder / "catalogue.parquet")
    return DataSet(wanted.name, interactions, catalogue, " ".join(notes))


def _fetch(wanted: MovieLens, folder: Path, progress: Callable[[str], None]) -> list[str]:
    """Fill the cache by the first way that leads there; say why the others did not."""
    failures = []
    for origin, way in wanted.ways.items():
        progress(f"Fetching {wanted.name} from {origin}")
        try:
            ratings = way()
        except SourceError as error:
            failures.append(f"Not from {origin}: {error}")
            continue
        progress(f"Writing {wanted.name} to {folder}")
        interactions = to_interactions(ratings.frame, wanted.seed)
        files = {
            "interactions.parquet": interactions.to_parquet(index=False),
            "catalogue.parquet": ratings.films.to_bytes(),
        }
        _store(files, origin, folder)
        return failures
    raise SourceError(" ".join(failures))


def _store(files: dict[str, bytes], origin: str, folder: Path) -> None:
    """Write the files, and last of all the record that vouches for them."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    record = json.dumps({"origin": origin, "sha256": digests}, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (*files.items(), (_RECORD, record.encode())):
            partial = folder / f".{name}.{os.getpid()}"
            partial.write_bytes(content)
            partial.replace(folder / name)
    except OSError as error:
        msg = f"{folder} can't be written ({error}); set XDG_CACHE_HOME to a folder that can."
        raise SourceError(msg) from error


def _is_whole(folder: Path) -> bool:
    """Tell whether the cache holds what was once written there."""
    try:
        digests = json.loads((folder / _RECORD).read_text())["sha256"]
        contents = {name: (folder / name).read_bytes() for name in digests}
    except (OSError, ValueError, LookupError):
        return False
    return bool(
        digests == {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    )


def to_interactions(ratings: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Turn ratings into interactions, in order of time.

    Parameters
    ----------
    ratings
        The frame of `Ratings`.
    seed
        Of the order within a second.

    Returns
    -------
    Columns ``user, video, kind, at, rating``; the same whatever the order of the rows was.
    """
    ordered = ratings.sort_values(["user", "video"], ignore_index=True)
    users = ordered["user"].to_numpy()
    frame = pd.DataFrame(
        {
            "user": "u" + ordered["user"].astype(str),
            "video": ordered["video"],
            "kind": "rating",
            "at": spread_within_seconds(users, ordered["second"].to_numpy(), seed),
            "rating": ordered["stars"].astype("float64"),
        }
    )
    return frame.sort_values("at", kind="stable", ignore_index=True)


def spread_within_seconds(
    users: NDArray[np.int64], seconds: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """Give the ratings of one user in one second an order drawn at random.

    A page of MovieLens was rated at a go, so 77 % of the rows of 1M (76 % of 100K) share their
    second with another of the same user. Any order that means something would leak what was shown
    together into a replay: by title or in file order, the hit rate at 10 on 1M came out as .203
    and .199, in random order as .192. So each such row gets a millisecond of its own, by a draw
    that knows nothing of the video, the stars or the row's place.

    Parameters
    ----------
    users, seconds
        Shape (n,): who rated, and when, in s UTC.
    seed
        Of the draw.

    Returns
    -------
    Shape (n,): ms UTC, within the row's second, no two alike for one user.

    Raises
    ------
    ValueError
        If a user has more than 1,000 rows in one second, which has no more milliseconds.
    """
    drawn = np.random.default_rng(seed).permutation(len(users))
    order = drawn[np.lexsort((seconds[drawn], users[drawn]))]  # stable: random within a group
    changes = (np.diff(users[order]) != 0) | (np.diff(seconds[order]) != 0)
    starts = np.flatnonzero(np.concatenate(([len(order) > 0], changes)))
    sizes = np.diff(starts, append=len(order))
    if sizes.max(initial=0) > 1000:  # noqa: PLR2004 - ms in a s
        msg = f"a user has {sizes.max()} rows in one second; at most 1,000 can be kept apart"
        raise ValueError(msg)
    ranks = np.arange(len(order)) - np.repeat(starts, sizes)
    at = np.empty(len(order), np.int64)
    at[order] = seconds[order] * 1000 + ranks * 1000 // np.repeat(sizes, sizes)
    return at
