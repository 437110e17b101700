"""Reading Parquet files of interactions: bounded pieces, exact values, no half files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.sources.files import read_interactions
from data.sources.parquet import BATCH_ROWS
from data.sources.table import SourceError
from tests.unit.tables import cells, read_one

if TYPE_CHECKING:
    from pathlib import Path


def write_table(path: Path, columns: dict[str, Any]) -> Path:
    """Write columns to a Parquet file."""
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_types_stay_what_they_are(tmp_path: Path) -> None:
    """Whole numbers as ids become text; nothing else that is wrong is changed."""
    undecodable = pa.Array.from_buffers(
        pa.string(),
        2,
        [None, pa.array([0, 1, 3], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff\xfe")],
    )
    columns = {
        "user": pa.array([7, None]),
        "video": undecodable,
        "kind": pa.array(["like", None]).dictionary_encode(),
        "at": pa.array([1.5, 2.0]),
        "rating": pa.array([4, None], pa.int8()),
        "watch_ratio": pa.array([True, False]),
    }
    path = write_table(tmp_path / "events.parquet", columns)

    table = read_one(path)

    assert cells(table, "user") == ["7", None]
    assert cells(table, "video") == ["a", b"\xff\xfe"]
    assert cells(table, "kind") == ["like", None]
    assert cells(table, "at") == [1.5, 2.0]
    assert cells(table, "rating") == [4, None]
    assert cells(table, "watch_ratio") == [True, False]


@pytest.mark.parametrize(
    ("values", "kind"), [([1, None], pa.int64()), ([2**63, 1], pa.uint64())], ids=["null", "big"]
)
def test_times_that_are_no_int64_stay_exact(
    tmp_path: Path, values: list[int | None], kind: pa.DataType
) -> None:
    """A missing or enormous time does not turn the others into floats."""
    columns = {"user": ["a", "b"], "video": ["v", "v"], "kind": ["like", "like"]}
    path = write_table(tmp_path / "events.parquet", columns | {"at": pa.array(values, kind)})

    assert cells(read_one(path), "at") == values


def test_long_parquet_files_come_in_bounded_pieces(tmp_path: Path) -> None:
    """A big row group is cut into tables, and the row numbers go on from one to the next."""
    count = BATCH_ROWS + 5
    rows = {"user": ["u"] * count, "video": ["v"] * count, "kind": ["like"] * count}
    path = write_table(tmp_path / "events.parquet", rows | {"at": list(range(count))})

    tables = list(read_interactions(path))

    assert [len(table) for table in tables] == [BATCH_ROWS, 5]
    assert tables[1].rows.tolist() == list(range(BATCH_ROWS + 1, BATCH_ROWS + 6))
    assert cells(tables[1], "at") == list(range(BATCH_ROWS, count))


def test_a_cut_off_parquet_file_is_refused(tmp_path: Path) -> None:
    """Half a Parquet file is an error that says what to do, not a smaller data set."""
    path = write_table(
        tmp_path / "events.parquet", {"user": ["u"], "video": ["v"], "kind": ["like"], "at": [1]}
    )
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(SourceError, match=re.escape(f"{path}: is damaged or breaks off")) as caught:
        list(read_interactions(path))

    assert "write it again, or take it out" in str(caught.value)


def test_a_damaged_parquet_page_is_refused(tmp_path: Path) -> None:
    """Damage in the middle, which the footer knows nothing of, is noticed where it is read."""
    count = 200_000
    rows = {"user": [f"u{i}" for i in range(count)], "video": ["v"] * count}
    path = tmp_path / "events.parquet"
    frame = pd.DataFrame(rows | {"kind": "like", "at": range(count)})
    frame.to_parquet(path, index=False, compression="zstd")
    content = bytearray(path.read_bytes())
    content[4_000:200_000] = bytes(196_000)
    path.write_bytes(content)

    with pytest.raises(SourceError, match="is damaged or breaks off after row"):
        list(read_interactions(path))
