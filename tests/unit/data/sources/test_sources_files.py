"""Reading files of interactions: all formats alike, and what can't be read at all."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from data.sources.files import read_interactions
from data.sources.table import COLUMNS, SourceError
from tests.unit.tables import cells, read_one

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


def write_rows(path: Path, rows: dict[str, list[Any]]) -> Path:
    """Write rows in the format that the path ends in."""
    frame = pd.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
        return path
    kind = path.name.split(".")[1]
    text = (
        frame.to_csv(index=False) if kind == "csv" else frame.to_json(orient="records", lines=True)
    )
    with pa.output_stream(path, compression="detect") as file:
        file.write(text.encode())
    return path


@pytest.mark.parametrize(
    ("suffix", "first_row"),
    [
        (".parquet", 1),
        (".csv", 2),
        (".csv.gz", 2),
        (".csv.zst", 2),
        (".jsonl", 1),
        (".jsonl.gz", 1),
        (".jsonl.zst", 1),
    ],
    ids=str,
)
def test_formats_read_alike(tmp_path: Path, suffix: str, first_row: int) -> None:
    """The same rows give the same cells from every format, with their place in the file."""
    table = read_one(write_rows(tmp_path / f"events{suffix}", ROWS))

    assert table.path == tmp_path / f"events{suffix}"
    assert {name: cells(table, name) for name in COLUMNS} == ROWS
    assert table.rows.tolist() == [first_row, first_row + 1, first_row + 2]
    assert table.unreadable == []


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_optional_columns_may_be_missing(tmp_path: Path, suffix: str) -> None:
    """Missing optional columns are filled with null, and unknown ones are left out."""
    rows = {"colour": ["red"] * 3} | {name: ROWS[name] for name in ("at", "kind", "video", "user")}

    table = read_one(write_rows(tmp_path / f"events{suffix}", rows))

    assert table.columns.schema.names == list(COLUMNS)
    assert cells(table, "watch_ratio") == cells(table, "rating") == [None] * 3


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_a_missing_required_column_stops_the_file(tmp_path: Path, suffix: str) -> None:
    """The message says which columns are missing, and which there are."""
    rows = {"movie": ROWS["video"], "user": ROWS["user"], "time": ROWS["at"], "kind": ROWS["kind"]}
    path = write_rows(tmp_path / f"events{suffix}", rows)

    with pytest.raises(SourceError) as caught:
        read_one(path)

    expected = (
        f"{path}: has no column video and no column at; it has movie, user, time, kind. Needed are "
        "user, video, kind, at, and watch_ratio and rating are taken if there: rename or add what "
        "is missing, or say what stands for it, as in --map "
        "user=uid,video=item_id,kind=:watch,watch_ratio=:1,at=ts:s"
    )
    assert expected == str(caught.value)


def test_a_folder_is_read_in_order_of_name(tmp_path: Path) -> None:
    """All formats in a folder and below are read, and what others left there is passed over."""
    wanted = ["2024/a.jsonl.zst", "a.parquet", "b.csv", "b.csv.gz", "c.parquet/part-0.parquet"]
    for name in (*wanted, "_temporary/c.csv", ".c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_rows(tmp_path / name, ROWS)
    (tmp_path / "README").write_text("read me")

    read = [str(table.path.relative_to(tmp_path)) for table in read_interactions(tmp_path)]

    assert read == wanted


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """The message says what is looked for, and what lies there instead."""
    with pytest.raises(SourceError, match="It holds nothing"):
        list(read_interactions(tmp_path))
    for number in range(6):
        (tmp_path / f"{number}.tsv").write_text("read me")
    with pytest.raises(SourceError, match=r"in files \.parquet, \.csv, \.jsonl, \.csv\.gz") as told:
        list(read_interactions(tmp_path))
    assert str(told.value).endswith("It holds 0.tsv, 1.tsv, 2.tsv, 3.tsv, 4.tsv, ...")


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst", ".jsonl.gz", ".jsonl.zst"])
@pytest.mark.parametrize("count", [3, 30_000])
def test_a_truncated_compressed_file_is_refused(tmp_path: Path, suffix: str, count: int) -> None:
    """A compressed file that breaks off is an error that says so, however much could be read."""
    rows = {name: [*cells, *cells[:1] * count] for name, cells in ROWS.items()}
    path = write_rows(tmp_path / f"events{suffix}", rows)
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(SourceError, match=r"is damaged or breaks off \(Truncated.*write it again"):
        list(read_interactions(path))


def test_a_file_that_is_not_compressed_is_refused(tmp_path: Path) -> None:
    """Plain text under the name of a compressed file is an error too."""
    (tmp_path / "events.csv.gz").write_text(HEADER)

    with pytest.raises(SourceError, match=r"is damaged or breaks off .*incorrect header"):
        list(read_interactions(tmp_path / "events.csv.gz"))


def test_the_archive_of_events_is_read(tmp_path: Path) -> None:
    """Days come in order, and columns that are the archive's own are left out."""
    for day in ("2024-05-02", "2024-05-01"):
        folder = tmp_path / f"date={day}"
        folder.mkdir()
        write_rows(folder / "0.parquet", ROWS | {"topic": ["t"] * 3, "offset": [1, 2, 3]})

    tables = list(read_interactions(tmp_path))

    assert [table.path.parent.name for table in tables] == ["date=2024-05-01", "date=2024-05-02"]
    assert tables[0].columns.schema.names == list(COLUMNS)


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    """A wrong path is said to be one."""
    with pytest.raises(SourceError, match="there is no such file or folder; check the path"):
        list(read_interactions(tmp_path / "nowhere"))


def test_another_format_is_refused(tmp_path: Path) -> None:
    """A format that is not read is refused, with those that are."""
    path = tmp_path / "events.parquet.gz"
    path.write_bytes(gzip.compress(b""))

    with pytest.raises(SourceError, match=r"read from files \.parquet, .*convert or unpack"):
        list(read_interactions(path))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """What the system says is passed on, with the path."""
    (tmp_path / "events.csv").symlink_to(tmp_path / "gone.csv")

    with pytest.raises(SourceError, match=r"events\.csv: can't be read \(No such file.*check path"):
        list(read_interactions(tmp_path))
