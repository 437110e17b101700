"""Ids of every shape and type: what is taken as it stands, and what is put aside or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.interaction import MAX_ID_BYTES
from data.sources.table import SourceError
from tests.builders import NOW_MS, event
from tests.unit.loaded import load_file, quarantined

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_ids_of_all_shapes(tmp_path: Path, ending: str) -> None:
    """Spaces, emoji and 256 bytes are ids; 257 bytes and nothing at all are not."""
    longest = "é" * (MAX_ID_BYTES // 2)
    ids = [" a b ", "👩‍👩‍👧", longest, longest + "x", "", "1"]
    frame = pd.DataFrame({"user": ids, "video": ids, "kind": "like", "at": NOW_MS})
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    spool, report = load_file(path)
    assert spool.users == spool.videos == [" a b ", "👩‍👩‍👧", longest, "1"]
    told = [row.detail for row in report.examples["invalid"]]
    assert told[0].startswith("user is longer than 256 bytes")
    assert told[1] == "Expected `str` of length >= 1 - at `$.user`"


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.uint32(), pa.binary(), pa.large_string(), pa.string_view()], ids=str
)
def test_a_parquet_column_of_numbers_may_be_the_ids(tmp_path: Path, kind: pa.DataType) -> None:
    """Whole numbers, and text by another name, are ids as text; a missing one is a bad row."""
    values = [7, 8, None] if pa.types.is_integer(kind) else ["7", "8", None]
    ids = pa.array(values, pa.string() if pa.types.is_binary(kind) else kind).cast(kind)
    path = tmp_path / "a.parquet"
    like = pa.array(["like"] * 3)
    pq.write_table(
        pa.table({"user": ids, "video": ids, "kind": like, "at": pa.repeat(NOW_MS, 3)}), path
    )
    spool, report = load_file(path)
    assert spool.users == spool.videos == ["7", "8"]
    assert report.dropped == {"invalid": 1}


@pytest.mark.parametrize(
    "kind", [pa.float64(), pa.bool_(), pa.timestamp("ms"), pa.list_(pa.int8())]
)
def test_a_parquet_column_that_is_no_id_is_refused(tmp_path: Path, kind: pa.DataType) -> None:
    """Numbers with a fraction and other types are refused, with what to write instead."""
    path = tmp_path / "a.parquet"
    columns = {"uid": pa.nulls(1, kind), "video": ["v"], "kind": ["like"], "at": [NOW_MS]}
    pq.write_table(pa.table(columns), path)
    with pytest.raises(
        SourceError, match=r"the column uid is to tell the user and is of type"
    ) as e:
        load_file(path, mapping="user=uid")
    assert 'Write the column again as one of these (in pandas: astype("Int64")' in str(e.value)


def test_ids_that_are_not_utf8_are_bad_rows(tmp_path: Path) -> None:
    """Parquet promises UTF-8 and does not always keep it; such a row is put aside and shown."""
    users = pa.array([b"u", b"\xff", b"u"]).cast(pa.string(), safe=False)
    columns = {"user": users, "video": ["v"] * 3, "kind": ["like"] * 3, "at": [NOW_MS] * 3}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    spool, report = load_file(tmp_path / "a.parquet")
    assert (len(spool), report.dropped) == (2, {"invalid": 1})
    assert quarantined(report)[0]["row"] == 2
    assert "xff" in quarantined(report)[0]["values"]


def test_numbers_as_ids_in_json_are_bad_rows(tmp_path: Path) -> None:
    """JSON tells numbers from text, so what a live event may not be, a line may not either."""
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(event(user=user)) + "\n" for user in ("7", 7)))
    spool, report = load_file(path)
    assert spool.users == ["7"]
    assert "row 2: Expected `str`, got `int` - at `$.user`" in str(report)
