"""MovieLens folders, as GroupLens publishes them: the ratings, and the films as a catalogue."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, NamedTuple

from data.catalogue import Catalogue, Video
from data.sources.column_map import ColumnMap
from data.sources.csv_file import COMMAS, Dialect, read_csv
from data.sources.table import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from data.sources.table import Table

# Column 5 onward of u.item, one for each; the first stands for "unknown".
_GENRES: Final = (
    "",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
_COLUMNS: Final = ("userId", "movieId", "rating", "timestamp")
_MAPPING: Final = ColumnMap.parse(
    "user=userId,video=movieId,kind=:rating,rating=rating,at=timestamp:s"
)


class _Layout(NamedTuple):
    """One of the forms in which MovieLens is published."""

    ratings: str
    movies: str
    dialect: Dialect
    films: Callable[[Path], Iterator[Video]]


def is_movielens(folder: Path) -> bool:
    """Tell whether a folder holds the ratings of MovieLens, by its files."""
    return _layout(folder) is not None


def read_movielens(folder: Path) -> Iterator[Table]:
    """Read the ratings: one interaction of the kind ``rating`` each.

    Times there are in seconds, and many ratings of a user share one.
    """
    layout = _layout(folder)
    if layout is None:
        msg = (
            f"{folder}: holds no ratings of MovieLens; they are ratings.csv, ratings.dat or u.data"
        )
        raise SourceError(msg)
    yield from read_csv(folder / layout.ratings, _MAPPING, layout.dialect)


def movielens_catalogue(folder: Path) -> Catalogue | None:
    """Give the films of a MovieLens folder with title and genres.

    Parameters
    ----------
    folder
        Any folder.

    Returns
    -------
    None if the folder is not one of MovieLens, or its list of films is not there.

    Raises
    ------
    SourceError
        If a line of the list can't be understood.
    """
    layout = _layout(folder) if folder.is_dir() else None
    if layout is None or not (folder / layout.movies).is_file():
        return None
    try:
        return Catalogue(layout.films(folder / layout.movies))
    except (ValueError, KeyError, csv.Error) as error:
        msg = f"{folder / layout.movies}: not a list of films as MovieLens has it ({error})"
        raise SourceError(msg) from error


def _layout(folder: Path) -> _Layout | None:
    """Find the form in which a folder has MovieLens."""
    return next((layout for layout in _LAYOUTS if _has(folder, layout)), None)


def _has(folder: Path, layout: _Layout) -> bool:
    """Tell a folder of this form; a ratings.csv with other columns is somebody else's."""
    ratings = folder / layout.ratings
    if not ratings.is_file():
        return False
    if layout.dialect.header:
        return True
    with ratings.open("rb") as file:
        return file.readline().strip() == ",".join(_COLUMNS).encode()


def _films_csv(path: Path) -> Iterator[Video]:
    """Read movies.csv: id, title and genres parted by bars."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            yield _film(row["movieId"], row["title"], row["genres"].split("|"))


def _films_dat(path: Path) -> Iterator[Video]:
    """Read movies.dat: the same, parted by two colons."""
    for line in _text(path).splitlines():
        number, title, genres = line.split("::")
        yield _film(number, title, genres.split("|"))


def _films_100k(path: Path) -> Iterator[Video]:
    """Read u.item: a flag for each genre from the sixth cell on."""
    for line in _text(path).splitlines():
        number, title, *rest = line.split("|")
        flags = zip(_GENRES, rest[3:], strict=True)
        yield _film(number, title, [genre for genre, flag in flags if flag == "1"])


def _text(path: Path) -> str:
    """Read a whole file; 1m and 100k are in Latin-1, 10m is in UTF-8."""
    content = path.read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _film(number: str, title: str, genres: list[str]) -> Video:
    named = tuple(genre for genre in genres if genre and genre != "(no genres listed)")
    return Video(id=number, title=title, categories=named)


_LAYOUTS: Final = (
    _Layout("ratings.csv", "movies.csv", COMMAS, _films_csv),
    _Layout("ratings.dat", "movies.dat", Dialect("::", _COLUMNS), _films_dat),
    _Layout("u.data", "u.item", Dialect("\t", _COLUMNS), _films_100k),
)
