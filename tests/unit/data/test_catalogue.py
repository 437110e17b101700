"""The catalogue: reading it, packing it, and what it says of a bad row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.catalogue import Catalogue, CatalogueError, Video

if TYPE_CHECKING:
    from pathlib import Path

videos = st.builds(
    Video,
    id=st.text(min_size=1),
    title=st.text(),
    categories=st.lists(st.text()).map(tuple),
    channel=st.text(),
    duration=st.none() | st.floats(min_value=0, allow_nan=False),
    published=st.none() | st.integers(-(2**63), 2**63 - 1),
    blocked=st.booleans(),
)
ALPS = Video(
    id="a",
    title="Älpler",
    categories=("Food", "Alps"),
    channel="Kitchen",
    duration=90.5,
    published=1_700_000_000_000,
    blocked=True,
)


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    """Write columns to a Parquet file."""
    pq.write_table(pa.table(columns), path)
    return path


def write_lines(path: Path, *lines: str) -> Path:
    """Write lines to a text file."""
    path.write_text("\n".join(lines))
    return path


@given(st.lists(videos))
def test_bytes_round_trip(entries: list[Video]) -> None:
    """What was packed comes out the same, in the same order."""
    catalogue = Catalogue(entries)

    unpacked = Catalogue.from_bytes(catalogue.to_bytes())

    assert unpacked == catalogue
    assert list(unpacked) == list(catalogue)


def test_both_formats_read_alike(tmp_path: Path) -> None:
    """The same videos give the same catalogue from Parquet and from JSONL."""
    columns = {
        "id": ["a", "b"],
        "title": ["Älpler", None],
        "categories": [["Food", "Alps"], None],
        "channel": ["Kitchen", None],
        "duration": [90.5, None],
        "published": [1_700_000_000_000, None],
        "blocked": [True, None],
        "colour": ["red", "blue"],
    }
    parquet = write_parquet(tmp_path / "videos.parquet", columns)
    jsonl = write_lines(
        tmp_path / "videos.jsonl",
        '{"id":"a","title":"Älpler","categories":["Food","Alps"],"channel":"Kitchen",'
        '"duration":90.5,"published":1700000000000,"blocked":true,"colour":"red"}',
        "",
        '{"id": "b", "channel": null}',
    )

    expected = Catalogue([ALPS, Video(id="b")])
    assert expected == Catalogue.read(parquet)
    assert expected == Catalogue.read(jsonl)


def test_only_the_id_is_needed(tmp_path: Path) -> None:
    """A file with ids alone makes a catalogue whose titles are the ids."""
    catalogue = Catalogue.read(write_parquet(tmp_path / "ids.parquet", {"id": ["a"]}))

    assert catalogue["a"] == Video(id="a")
    assert catalogue.title("a") == "a"


def test_title_falls_back_to_the_id() -> None:
    """A title is always something to show, known video or not."""
    catalogue = Catalogue([Video(id="a", title="Alpha")])

    assert [catalogue.title(x) for x in ("a", "b")] == ["Alpha", "b"]
    assert repr(catalogue) == "Catalogue of 1 videos"


def test_the_later_of_two_entries_wins_and_is_counted() -> None:
    """A video given twice keeps what was said last, and the catalogue counts such cases."""
    catalogue = Catalogue([Video(id="a", title="old"), Video(id="b"), Video(id="a", title="new")])

    assert catalogue.title("a") == "new"
    assert (len(catalogue), catalogue.replaced) == (2, 1)


def test_blocked_ids() -> None:
    """Exactly the blocked videos are listed as blocked."""
    catalogue = Catalogue([Video(id="a", blocked=True), Video(id="b"), Video(id="c", blocked=True)])

    assert catalogue.blocked_ids == {"a", "c"}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('{"id": 7}', "Expected `str`, got `int` - at `$.id`"),
        ('{"id": ""}', "Expected `str` of length >= 1 - at `$.id`"),
        ('{"title": "no id"}', "missing required field `id`"),
        ('{"id": "a", "blocked": 1}', "Expected `bool`, got `int` - at `$.blocked`"),
        ('{"id": "a", "duration": -1}', "Expected `float` >= 0.0 - at `$.duration`"),
        ("[1]", "not a JSON object (Expected `object`, got `array`)"),
        ('{"id": "a"', "not a JSON object (Input data was truncated)"),
        ('{"id": ' + "[" * 100_000, "not a JSON object (maximum recursion depth"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    """The message says file, line, what is wrong with it, and what to do."""
    path = write_lines(tmp_path / "videos.jsonl", '{"id": "fine"}', "", row)

    with pytest.raises(CatalogueError, match=re.escape(f"{path}, line 3: ")) as caught:
        Catalogue.read(path)

    assert complaint in str(caught.value)
    assert str(caught.value).endswith("; mend it or take it out")


def test_a_bad_parquet_row_is_named(tmp_path: Path) -> None:
    """The row is counted from 1 through all batches."""
    count = 70_000
    path = write_parquet(tmp_path / "v.parquet", {"id": [*map(str, range(count)), None]})

    with pytest.raises(CatalogueError, match=f"row {count + 1}: .*missing required field `id`"):
        Catalogue.read(path)


def test_a_file_without_ids_is_refused(tmp_path: Path) -> None:
    """The message says which columns there were instead."""
    path = write_parquet(tmp_path / "v.parquet", {"movie": ["a"], "title": ["A"]})

    with pytest.raises(CatalogueError, match="no column id, only movie, title; rename"):
        Catalogue.read(path)


def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    """Half a Parquet file is not taken for a smaller catalogue."""
    path = tmp_path / "v.parquet"
    path.write_bytes(Catalogue([Video(id="a")]).to_bytes()[:-20])

    with pytest.raises(CatalogueError, match=r"not a whole Parquet file .* write or copy it again"):
        Catalogue.read(path)


def test_bytes_that_are_no_catalogue_are_refused() -> None:
    """Damaged bytes out of a store are refused, too."""
    with pytest.raises(CatalogueError, match="the packed catalogue: not a whole Parquet file"):
        Catalogue.from_bytes(b"PAR1 something else")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A wrong path is said to be one."""
    with pytest.raises(CatalogueError, match=r"can't be read \(No such file.* check path"):
        Catalogue.read(tmp_path / "v.parquet")


def test_another_format_is_refused(tmp_path: Path) -> None:
    """The message says which formats there are."""
    with pytest.raises(CatalogueError, match=r"ends in \.parquet or \.jsonl; convert"):
        Catalogue.read(tmp_path / "v.xlsx")


def test_an_update_changes_what_is_given(tmp_path: Path) -> None:
    """A cell that is given replaces what was there; empty cells and missing columns leave it."""
    known = Video(id="a", title="Alpha", categories=("Food",), duration=9.0, blocked=True)
    catalogue = Catalogue([known, Video(id="b", title="Beta"), Video(id="c", title="Gamma")])
    columns = {
        "id": ["a", "b", "new", "c"],
        "title": [None, "Better", "New", "Gamma"],
        "blocked": [False, None, True, None],
        "colour": ["red"] * 4,
    }

    update = catalogue.updated(write_parquet(tmp_path / "changes.parquet", columns))

    assert list(update.catalogue.values()) == [
        Video(id="a", title="Alpha", categories=("Food",), duration=9.0, blocked=False),
        Video(id="b", title="Better"),
        Video(id="c", title="Gamma"),
        Video(id="new", title="New", blocked=True),
    ]
    assert update[1:] == (1, 2, 1, 1)
    assert catalogue["a"] == known


def test_of_two_changes_of_a_video_both_count(tmp_path: Path) -> None:
    """Rows of one id are taken one after the other."""
    path = write_lines(
        tmp_path / "changes.jsonl",
        '{"id": "a", "title": "One", "blocked": true}',
        '{"id": "a", "title": "Two", "__class__": 3}',
    )

    update = Catalogue().updated(path)

    assert dict(update.catalogue) == {"a": Video(id="a", title="Two", blocked=True)}
    assert str(update) == "1 videos added, 0 changed; 1 blocked, 0 unblocked"
