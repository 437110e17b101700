"""Mapping the columns of somebody else's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from data.sources.column_map import ColumnMap
from data.sources.files import read_interactions
from data.sources.table import SourceError
from tests.unit.tables import cells, read_one

if TYPE_CHECKING:
    from pathlib import Path

FULL = "user=uid, video=item_id,kind=:watch,watch_ratio=:1,at=ts:s"
FRAME = pd.DataFrame({"uid": ["a", "b"], "item_id": ["v", "w"], "ts": [1.5, 2], "rating": [4, 5]})


def test_a_mapping_says_it_all() -> None:
    """Names, constants and the unit are understood."""
    assert ColumnMap.parse(FULL) == ColumnMap(
        {"user": "uid", "video": "item_id", "at": "ts"}, {"kind": "watch", "watch_ratio": 1.0}, "s"
    )
    assert ColumnMap.parse("at=ts") == ColumnMap({"at": "ts"})
    assert ColumnMap.parse("at=event:time:us") == ColumnMap({"at": "event:time"}, {}, "us")
    assert ColumnMap.parse("") == ColumnMap()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_format_can_be_mapped(tmp_path: Path, ending: str) -> None:
    """Renamed columns, constants and seconds with a fraction come out the same of each format."""
    path = tmp_path / f"views.{ending}"
    if ending == "csv":
        FRAME.to_csv(path, index=False)
    elif ending == "jsonl":
        FRAME.to_json(path, orient="records", lines=True)
    else:
        FRAME.to_parquet(path)

    table = read_one(path, ColumnMap.parse(FULL))

    assert (cells(table, "user"), cells(table, "video")) == (["a", "b"], ["v", "w"])
    assert (cells(table, "kind"), cells(table, "watch_ratio")) == (["watch"] * 2, [1.0] * 2)
    assert (cells(table, "at"), cells(table, "rating")) == ([1500, 2000], [4, 5])
    assert (table.at_column, table.at_unit) == ("ts", "s")


def test_a_column_that_stands_for_another_is_not_taken_twice(tmp_path: Path) -> None:
    """What was mapped away from its own name is not what that name says."""
    path = tmp_path / "views.csv"
    path.write_text("user,video,at,rating\nu,v,1,0.3\n")
    table = read_one(path, ColumnMap.parse("kind=:watch,watch_ratio=rating"))
    assert (cells(table, "watch_ratio"), cells(table, "rating")) == ([0.3], [None])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("user", "--map user: it is not of the form name=column"),
        ("user=", "--map user=: it is not of the form name=column"),
        ("usr=uid", "there is no usr; the names are user, video, kind, at, watch_ratio, rating"),
        ("user=a,user=b", "--map user=b: user is given twice"),
        ("kind=:watch,kind=k", "--map kind=k: kind is given twice"),
        ("user=:me", "only kind, watch_ratio, rating can be the same in all rows"),
        ("kind=:view", "there is no kind view; the kinds are watch, like, dislike, neutral, share"),
        ("rating=:good", "good is no number"),
        ("at=ts:min", "min is no unit of time; the units are s, ms, us, ns"),
        ("at=ts:", "nothing is no unit of time"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(text: str, complaint: str) -> None:
    """The message names the part, what is wrong with it, and what there is to choose from."""
    with pytest.raises(SourceError) as caught:
        ColumnMap.parse(text)
    assert complaint in str(caught.value)
    assert "A mapping looks like user=uid,video=item_id" in str(caught.value)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_mapped_column_must_be_there(tmp_path: Path, ending: str) -> None:
    """A required column that was mapped to a name that isn't there is an error with that name."""
    path = tmp_path / f"views.{ending}"
    text = '{"user":"u","video":"v","at":1}\n' if ending == "jsonl" else "user,video,at\nu,v,1\n"
    path.write_text(text)
    with pytest.raises(SourceError, match="has no column uid; it has user, video, at"):
        list(read_interactions(path, ColumnMap.parse("user=uid,kind=:like")))


def test_an_optional_column_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    """Whoever names a column of ratings gets it, or is told; in JSONL it may come later."""
    mapping = ColumnMap.parse("kind=:rating,rating=stars")
    (tmp_path / "a.csv").write_text("user,video,at\nu,v,1\n")
    with pytest.raises(SourceError, match="has no column stars"):
        read_one(tmp_path / "a.csv", mapping)
    line = '{"user":"u","video":"v","at":1}\n'
    (tmp_path / "a.jsonl").write_text(line * 100 + line.replace("1}", '1,"stars":3}'))
    assert cells(read_one(tmp_path / "a.jsonl", mapping), "rating")[-1] == 3
