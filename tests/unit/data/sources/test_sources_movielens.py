"""MovieLens, 1M and 100K: the cache, the order within a second, and the real data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.catalogue import Catalogue, Video
from data.sources.data_set import DataSet, default_cache
from data.sources.movielens import (
    load_movielens_1m,
    load_movielens_100k,
    spread_within_seconds,
    to_interactions,
)
from data.sources.movielens_ways import Ratings
from data.sources.table import COLUMNS, SourceError, Table
from tests.unit.tables import cells, read_one


def tiny() -> Ratings:
    """Give four ratings and three films."""
    heat, miserables, nobody = "Heat (1995)", "Misérables, Les (1995)", "Nobody Saw It (1990)"
    frame = pd.DataFrame(
        {
            "user": [1, 1, 12, 2],
            "video": [heat, miserables, miserables, miserables],
            "stars": [5, 3, 1, 4],
            "second": [978300760, 978300760, 978300761, 978300700],
        }
    )
    genres = {heat: ("Action", "Crime"), miserables: ("Drama",), nobody: ("Film-Noir",)}
    films = (Video(id=title, title=title, categories=named) for title, named in genres.items())
    return Ratings(frame, Catalogue(films))


def nowhere() -> Ratings:
    """Fail as a way does that leads nowhere."""
    msg = "the road is closed."
    raise SourceError(msg)


def test_ratings_become_interactions(tmp_path: Path) -> None:
    """Ids are strings, a video's id is its title, seconds become ms, rows are in order of time."""
    made = load_movielens_1m(tmp_path, print, {"a test": tiny})

    rows = made.interactions
    assert rows["user"].tolist()[:1] == ["u2"]
    assert sorted(rows["user"]) == ["u1", "u1", "u12", "u2"]
    assert set(rows["video"]) == {"Heat (1995)", "Misérables, Les (1995)"}
    assert set(rows["kind"]) == {"rating"}
    assert sorted(rows["rating"]) == [1.0, 3.0, 4.0, 5.0]
    assert (rows["at"] // 1000).tolist() == [978300700, 978300760, 978300760, 978300761]
    assert sorted(rows["at"] % 1000) == [0, 0, 0, 500]
    assert made.catalogue["Heat (1995)"].categories == ("Action", "Crime")
    assert made.catalogue.title("Nobody Saw It (1990)") == "Nobody Saw It (1990)"


def test_the_cache_is_used_the_second_time(tmp_path: Path) -> None:
    """What was fetched once is read from the cache, the same, and is an interactions file."""
    told: list[str] = []
    first = load_movielens_1m(tmp_path, told.append, {"a test": tiny})
    assert len(told) == 2

    again = load_movielens_1m(tmp_path, told.append, {"nowhere": nowhere})

    assert len(told) == 2
    pd.testing.assert_frame_equal(first.interactions, again.interactions)
    assert first.catalogue == again.catalogue
    folder = tmp_path / "movielens-1m"
    assert again.why == f"MovieLens-1M comes from a test and is cached in {folder}."
    table = read_one(folder / "interactions.parquet")
    made = Table.of_frame("made", again.interactions)
    assert all(cells(table, name) == cells(made, name) for name in COLUMNS)
    assert sorted(path.name for path in folder.iterdir()) == [
        "catalogue.parquet",
        "interactions.parquet",
        "record.json",
    ]


def test_the_two_sets_do_not_meet(tmp_path: Path) -> None:
    """Each has its own place in the cache, and its name in what is said of it."""
    load_movielens_1m(tmp_path, print, {"a test": tiny})

    made = load_movielens_100k(tmp_path, print, {"another test": tiny})

    folder = tmp_path / "movielens-100k"
    assert made.name == "MovieLens-100K"
    assert made.why == f"MovieLens-100K comes from another test and is cached in {folder}."


@pytest.mark.parametrize("name", ["interactions.parquet", "catalogue.parquet", "record.json"])
def test_a_broken_cache_is_made_again(tmp_path: Path, name: str) -> None:
    """A file in the cache that was cut off is noticed and replaced, and that is said."""
    load_movielens_1m(tmp_path, print, {"a test": tiny})
    broken = tmp_path / "movielens-1m" / name
    broken.write_bytes(broken.read_bytes()[:-9])

    made = load_movielens_1m(tmp_path, print, {"another test": tiny})

    assert len(made.interactions) == 4
    assert "was not whole, so it was made again. MovieLens-1M comes from another" in made.why


def test_ways_that_fail_are_told(tmp_path: Path) -> None:
    """The next way is tried, and the reason says why the first was not taken."""
    made = load_movielens_1m(tmp_path, print, {"the moon": nowhere, "a test": tiny})

    assert made.why.startswith(
        "Not from the moon: the road is closed. MovieLens-1M comes from a test and"
    )


def test_no_way_at_all_is_an_error(tmp_path: Path) -> None:
    """Where no way leads there, each has its sentence, and nothing is left behind."""
    with pytest.raises(
        SourceError, match=r"Not from the moon: the road .* Not from Mars: the road is"
    ):
        load_movielens_1m(tmp_path, print, {"the moon": nowhere, "Mars": nowhere})

    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The message says what to set."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SourceError, match=r"can't be written .* set XDG_CACHE_HOME"):
        load_movielens_1m(tmp_path / "file", print, {"a test": tiny})


def test_rows_of_one_second_are_kept_apart() -> None:
    """Every user has each ms once, within the second that was given; a lone row keeps its time."""
    users = np.array([1, 1, 2, 1, 2, 3])
    seconds = np.array([5, 5, 5, 5, 6, 5])

    at = spread_within_seconds(users, seconds, seed=0)

    assert (at // 1000).tolist() == seconds.tolist()
    assert sorted(at[[0, 1, 3]].tolist()) == [5_000, 5_333, 5_666]
    assert at[[2, 4, 5]].tolist() == [5_000, 6_000, 5_000]
    assert spread_within_seconds(users[:0], seconds[:0], seed=0).tolist() == []


def test_the_order_within_a_second_says_nothing() -> None:
    """It follows neither the rows as given nor their opposite, and the seed decides it."""
    count, per_second = 40_000, 4
    users = np.arange(count) // per_second
    seconds = np.zeros(count, np.int64)

    at = spread_within_seconds(users, seconds, seed=0)

    places = np.tile(np.arange(per_second), count // per_second)
    assert abs(np.corrcoef(places, at)[0, 1]) < 0.02  # four standard errors
    first = places[at == 0]
    assert np.bincount(first, minlength=per_second) == pytest.approx(len(first) / 4, rel=0.08)
    assert at.tolist() == spread_within_seconds(users, seconds, seed=0).tolist()
    assert at.tolist() != spread_within_seconds(users, seconds, seed=1).tolist()


def test_other_names_make_no_other_kind_of_order() -> None:
    """Films renamed back to front are in their own order just as seldom: names say nothing."""
    count = 5_000
    titles = [f"film {number:04d}" for number in range(count)]
    frame = pd.DataFrame({"user": 1, "stars": 5, "second": np.arange(count) // 2})

    in_order = [
        to_interactions(frame.assign(video=names), seed=0).groupby(lambda row: row // 2)["video"]
        for names in (titles, titles[::-1])
    ]

    for pairs in in_order:
        share = (pairs.first() < pairs.last()).mean()
        assert share == pytest.approx(0.5, abs=0.04)


def test_more_rows_than_milliseconds_are_refused() -> None:
    """A thousand rows fit into a second, one more does not, and that is said."""
    users = np.zeros(1_001, np.int64)

    assert len(set(spread_within_seconds(users[1:], users[1:], seed=0).tolist())) == 1_000
    with pytest.raises(ValueError, match="1001 rows in one second"):
        spread_within_seconds(users, users, seed=0)


def test_the_cache_folder_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """An absolute XDG_CACHE_HOME counts; without one it is .cache in the home folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/upnext")
    for value in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_cache() == Path.home() / ".cache" / "upnext"


@pytest.fixture(scope="module")
def movielens() -> DataSet:
    """Give MovieLens-1M, or skip where it can't be had."""
    try:
        return load_movielens_1m(default_cache(), print)
    except SourceError as error:
        pytest.skip(f"needs MovieLens-1M, which may not be shipped: {error}")


@pytest.mark.slow
def test_the_real_data_have_the_published_counts(movielens: DataSet) -> None:
    """All rows, users and films are there, and no user has two rows at one time."""
    rows = movielens.interactions

    assert len(rows) == 1_000_209
    assert rows["user"].nunique() == 6_040
    assert rows["video"].nunique() == 3_706
    assert len(movielens.catalogue) == 3_883
    assert set(rows["video"]) <= set(movielens.catalogue)
    assert not rows.duplicated(["user", "at"]).any()
    assert rows["at"].is_monotonic_increasing
    assert rows["rating"].value_counts().loc[[1.0, 5.0]].tolist() == [56_174, 226_310]


@pytest.mark.slow
def test_the_real_data_come_out_of_the_cache_unchanged(movielens: DataSet) -> None:
    """Reading again gives the same, and the record in the cache says where from."""
    again = load_movielens_1m(default_cache(), print)

    pd.testing.assert_frame_equal(movielens.interactions, again.interactions)
    assert movielens.catalogue == again.catalogue
    record = json.loads((default_cache() / "movielens-1m" / "record.json").read_text())
    assert f"comes from {record['origin']}" in again.why


def test_the_small_data_have_the_published_counts() -> None:
    """All rows, users and films of MovieLens-100K are there, in an order of time without ties."""
    try:
        small = load_movielens_100k(default_cache(), print)
    except SourceError as error:
        pytest.skip(f"needs MovieLens-100K, which may not be shipped: {error}")

    rows = small.interactions
    assert (len(rows), rows["user"].nunique(), rows["video"].nunique()) == (100_000, 943, 1_682)
    assert len(small.catalogue) == 1_682
    assert set(rows["video"]) == set(small.catalogue)
    assert not rows.duplicated(["user", "at"]).any()
    assert rows["at"].is_monotonic_increasing
    assert rows["rating"].value_counts().loc[[1.0, 5.0]].tolist() == [6_110, 21_201]
