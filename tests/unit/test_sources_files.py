"""Reading files of interactions: all formats alike, and what can't be read at all."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from data.sources.files import read_interactions
from data.sources.table import COLUMNS, SourceError, Table

if TYPE_CHECKING:
    from pathlib import Path

ROWS: dict[str, list[Any]] = {
    "user": ["ann", "bob", "ann"],
    "video": ["1", "Ährenfeld, das", "1"],
    "kind": ["watch", "rating", "like"],
    "at": [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002],
    "watch_ratio": [0.5, None, None],
    "rating": [None, 4.0, None],
}
HEADER = "user,video,kind,at\n"


def read_one(path: Path) -> Table:
    """Read a file that makes one table."""
    (table,) = read_interactions(path)
    return table


def write_rows(path: Path, rows: dict[str, list[Any]]) -> Path:
    """Write rows in the format that the path ends in."""
    frame = pd.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    return path


@pytest.mark.parametrize(
    ("suffix", "first_row"), [(".parquet", 1), (".csv", 2), (".jsonl", 1)], ids=str
)
def test_formats_read_alike(tmp_path: Path, suffix: str, first_row: int) -> None:
    """The same rows give the same frame from every format, with their place in the file."""
    table = read_one(write_rows(tmp_path / f"events{suffix}", ROWS))

    assert table.path == tmp_path / f"events{suffix}"
    expected = pd.DataFrame(ROWS).astype(dict.fromkeys(("user", "video", "kind"), object))
    pd.testing.assert_frame_equal(expected, table.frame)
    assert table.rows.tolist() == [first_row, first_row + 1, first_row + 2]
    assert table.unreadable == []


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_optional_columns_may_be_missing(tmp_path: Path, suffix: str) -> None:
    """Missing optional columns are filled with NaN, and unknown ones are left out."""
    rows = {"colour": ["red"] * 3} | {name: ROWS[name] for name in ("at", "kind", "video", "user")}

    table = read_one(write_rows(tmp_path / f"events{suffix}", rows))

    assert list(table.frame.columns) == list(COLUMNS)
    assert table.frame[["watch_ratio", "rating"]].isna().all(axis=None)
    assert [str(kind) for kind in table.frame.dtypes[3:]] == ["int64", "float64", "float64"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_a_missing_required_column_stops_the_file(tmp_path: Path, suffix: str) -> None:
    """The message says which columns are missing, and which there are."""
    rows = {"movie": ROWS["video"], "user": ROWS["user"], "time": ROWS["at"], "kind": ROWS["kind"]}
    path = write_rows(tmp_path / f"events{suffix}", rows)

    with pytest.raises(SourceError) as caught:
        read_one(path)

    expected = (
        f"{path}: has no column video and no column at; it has movie, user, time, kind. Rename or "
        "add what is missing: user, video, kind, at are needed, watch_ratio and rating are taken "
        "if there"
    )
    assert expected == str(caught.value)


def test_a_folder_is_read_in_order_of_name(tmp_path: Path) -> None:
    """All formats in a folder and below are read, and what others left there is passed over."""
    for name in ("b.csv", "2024/a.jsonl", "a.parquet", "_temporary/c.csv", ".c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_rows(tmp_path / name, ROWS)
    (tmp_path / "README").write_text("read me")

    read = [str(table.path.relative_to(tmp_path)) for table in read_interactions(tmp_path)]

    assert read == ["2024/a.jsonl", "a.parquet", "b.csv"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """The message says what is looked for."""
    (tmp_path / "README").write_text("read me")

    with pytest.raises(SourceError, match=r"looked for in files \.parquet, \.csv, \.jsonl"):
        list(read_interactions(tmp_path))


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    """A wrong path is said to be one."""
    with pytest.raises(SourceError, match="there is no such file or folder; check the path"):
        list(read_interactions(tmp_path / "nowhere"))


def test_another_format_is_refused(tmp_path: Path) -> None:
    """A format that is not read is refused, with those that are."""
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(HEADER.encode()))

    with pytest.raises(SourceError, match=r"read from files \.parquet, .*convert or unpack"):
        list(read_interactions(path))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """What the system says is passed on, with the path."""
    (tmp_path / "events.csv").symlink_to(tmp_path / "gone.csv")

    with pytest.raises(SourceError, match=r"events\.csv: can't be read \(No such file.*check path"):
        list(read_interactions(tmp_path))
