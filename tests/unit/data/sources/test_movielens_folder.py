"""MovieLens folders in all forms in which GroupLens publishes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.sources.column_map import ColumnMap
from data.sources.files import read_interactions
from data.sources.movielens_folder import movielens_catalogue, read_movielens
from data.sources.table import SourceError
from tests.unit.tables import cells, read_one

if TYPE_CHECKING:
    from pathlib import Path

FORMS = {
    "latest": {
        "ratings.csv": b"userId,movieId,rating,timestamp\n1,6,4.5,978300760\n2,7,0.5,978300761\n",
        "movies.csv": b'movieId,title,genres\n6,"Heat, the (1995)",Action|Crime\n'
        b"7,Caf\xc3\xa9 (2000),(no genres listed)\n",
        "tags.csv": b"userId,movieId,tag,timestamp\n1,6,loud,978300760\n",
    },
    "1m": {
        "ratings.dat": b"1::6::4.5::978300760\n2::7::0.5::978300761\n",
        "movies.dat": b"6::Heat, the (1995)::Action|Crime\n7::Caf\xe9 (2000)::\n",
    },
    "10m": {
        "ratings.dat": b"1::6::4.5::978300760\n2::7::0.5::978300761\n",
        "movies.dat": b"6::Heat, the (1995)::Action|Crime\n7::Caf\xc3\xa9 (2000)::\n",
    },
    "100k": {
        "u.data": b"1\t6\t4.5\t978300760\n2\t7\t0.5\t978300761\n",
        "u.item": b"6|Heat, the (1995)|01-Jan-1995||url|0|1|0|0|0|0|1" + b"|0" * 12 + b"\n"
        b"7|Caf\xe9 (2000)|||url" + b"|0" * 19 + b"\n",
    },
}


def write(folder: Path, form: str) -> Path:
    """Write a folder of a few ratings in one of the forms."""
    for name, content in FORMS[form].items():
        (folder / name).write_bytes(content)
    (folder / "README.txt").write_text("read me")
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_ratings_are_read(tmp_path: Path, form: str) -> None:
    """Every form gives the same ratings, in ms, and nothing else of the folder is read."""
    table = read_one(write(tmp_path, form))
    assert (cells(table, "user"), cells(table, "video")) == (["1", "2"], ["6", "7"])
    assert (cells(table, "kind"), cells(table, "rating")) == (["rating"] * 2, [4.5, 0.5])
    assert cells(table, "at") == [978_300_760_000, 978_300_761_000]
    assert table.rows.tolist() == ([2, 3] if form == "latest" else [1, 2])


@pytest.mark.parametrize("form", FORMS)
def test_films_are_a_catalogue(tmp_path: Path, form: str) -> None:
    """Every form gives titles and genres."""
    catalogue = movielens_catalogue(write(tmp_path, form))
    assert catalogue is not None
    assert [catalogue.title(number) for number in catalogue] == ["Heat, the (1995)", "Café (2000)"]
    assert [video.categories for video in catalogue.values()] == [("Action", "Crime"), ()]


@pytest.mark.parametrize("form", FORMS)
def test_broken_ratings_are_listed(tmp_path: Path, form: str) -> None:
    """A row in the middle that is none is unreadable, with its line; the rest is read."""
    folder = write(tmp_path, form)
    name = next(name for name in FORMS[form] if name.startswith(("ratings", "u.data")))
    lines = FORMS[form][name].splitlines(keepends=True)
    (folder / name).write_bytes(b"".join([*lines[:-1], b"7\n", b"\xff\n", lines[-1]]))
    table = read_one(folder)
    assert cells(table, "user") == ["1", "2"]
    first = len(lines)
    assert [row for row, _ in table.unreadable] == [first, first + 1]


def test_other_folders_are_not_mistaken(tmp_path: Path) -> None:
    """A ratings.csv with columns of its own, or a mapping, is read as it stands."""
    assert movielens_catalogue(tmp_path / "nowhere") is None
    assert movielens_catalogue(tmp_path) is None
    with pytest.raises(SourceError, match=r"they are ratings\.csv, ratings\.dat or u\.data"):
        list(read_movielens(tmp_path))
    (tmp_path / "ratings.csv").write_text("user,video,kind,at\nu,v,like,5\n")
    assert cells(read_one(tmp_path), "at") == [5]
    (tmp_path / "ratings.csv").write_bytes(FORMS["latest"]["ratings.csv"])
    assert movielens_catalogue(tmp_path) is None
    mapping = ColumnMap.parse("user=userId,video=movieId,kind=:like,at=timestamp")
    (table,) = read_interactions(tmp_path, mapping)
    assert cells(table, "at") == [978_300_760, 978_300_761]


@pytest.mark.parametrize("form", FORMS)
def test_a_broken_list_of_films_is_named(tmp_path: Path, form: str) -> None:
    """What is no list of films is an error with the file's name."""
    folder = write(tmp_path, form)
    name = next(name for name in FORMS[form] if name.startswith(("movies", "u.item")))
    (folder / name).write_text("nonsense\nof lines\n")
    with pytest.raises(SourceError, match="not a list of films as MovieLens has it"):
        movielens_catalogue(folder)


def test_a_map_that_says_nothing_changes_nothing(tmp_path: Path) -> None:
    """A folder is recognised also where an empty mapping is handed on, as the commands do."""
    folder = write(tmp_path, "latest")
    rows = [len(table.rows) for table in read_interactions(folder, ColumnMap.parse(""))]
    assert rows == [2]
