"""Files that are wrong in every way people send them, and what a person is told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_training.reading import load as loading
from batch_training.reading.load import LoadSettings, load
from batch_training.reading.load_report import BadDataError
from data.sources.table import SourceError
from tests.builders import NOW_MS, event
from tests.unit.loaded import load_file, quarantined
from tests.unit.nights import plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data.sources.table import Table

HEADER = "user,video,kind,at,watch_ratio\n"
FINE = f"u,v,watch,{NOW_MS},1.0\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "", "a.csv: has no column user and no column video .* none at all"),
        ("a.csv", HEADER, "there is no interaction to learn from; check the files"),
        ("a.jsonl", "", "there is no interaction to learn from; check the files"),
        ("a.parquet", "", "a.parquet: is damaged or breaks off after row 0 .* write it again"),
        ("a.csv", "user,kind,at\n", "no column video; it has user, kind, at. Needed are user, vid"),
        ("a.txt", FINE, r"read from files \.parquet, \.csv, .* convert or unpack this one"),
    ],
)
def test_empty_and_foreign_files_are_refused(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    """A file without anything, or without a column, is named with what is missing."""
    (tmp_path / name).write_text(content)
    with pytest.raises((SourceError, BadDataError), match=told):
        load_file(tmp_path / name)


def test_a_broken_row_in_the_middle_is_put_aside(tmp_path: Path) -> None:
    """The rows before and behind it are used, and the message names file, line and reason."""
    path = tmp_path / "a.csv"
    path.write_text(HEADER + FINE * 30 + "u,v\n" + FINE * 30)
    spool, report = load_file(path, bad=0.05)
    assert (len(spool), report.dropped) == (60, {"unreadable": 1})
    assert f"{path}, row 32: has 2 cells, the header 5" in str(report)


def test_half_a_file_is_refused_after_what_could_be_read(tmp_path: Path) -> None:
    """A file that breaks off stops the night although some of its rows were read already."""
    path = tmp_path / "a.csv.gz"
    lines = "".join(f"u{n},v{n},like,{NOW_MS + n},\n" for n in range(140_000))
    path.write_bytes(gzip.compress((HEADER + lines).encode(), 1)[:-1000])
    with pytest.raises(SourceError, match=r"a\.csv\.gz: is damaged or breaks off \(Truncated"):
        load_file(path)
    quarantine = tmp_path / "scratch" / "quarantine.parquet"
    assert pq.read_table(quarantine).num_rows == 0  # whole, so that nobody trips over it


def test_times_in_another_unit_are_mended_by_what_the_message_says(tmp_path: Path) -> None:
    """Seconds without a word stop the night; with the mapping that it names they are taken."""
    path = tmp_path / "a.csv"
    line = f"u,v,like,{NOW_MS // 1000}\n"
    path.write_text("user,video,kind,ts\n" + line * 30)
    with pytest.raises(BadDataError) as told:
        load_file(path, mapping="at=ts")
    assert str(told.value).endswith(f"Most times of {path} seem to be in s: --map at=ts:s says so")
    spool, _ = load_file(path, mapping="at=ts:s")
    assert spool.events().at.tolist() == [NOW_MS] * 30
    with pytest.raises(BadDataError, match="seem to be in s: --map at=ts:s"):
        load_file(path, mapping="at=ts:us")


def test_mixed_units_are_bad_rows(tmp_path: Path) -> None:
    """A few times in another unit are put aside, and each says which unit would fit."""
    path = tmp_path / "a.csv"
    path.write_text(HEADER + FINE * 60 + FINE.replace(str(NOW_MS), str(NOW_MS * 1000)))
    _, report = load_file(path, bad=0.05)
    assert report.dropped == {"time_out_of_bounds": 1}
    assert "Taken for us it would be within: are units mixed in this file?" in str(report)
    assert "--map" not in str(report)


def test_the_same_rows_again_are_taken_again(tmp_path: Path) -> None:
    """Duplicate rows are events like others: merging makes nothing of them."""
    path = tmp_path / "a.csv"
    path.write_text(HEADER + FINE * 3)
    spool, report = load_file(path, bad=0.0)
    assert plain(spool.events()) == [event()] * 3
    assert (report.users, report.videos, report.dropped) == (1, 1, {})


def test_one_user_with_a_million_rows(tmp_path: Path) -> None:
    """A million rows of one user and one video are loaded like any other."""
    count = 1_000_000
    zeros = pa.repeat(pa.scalar(0, pa.int32()), count)
    columns = {
        name: pa.DictionaryArray.from_arrays(zeros, pa.array([value]))
        for name, value in (("user", "u"), ("video", "v"), ("kind", "like"))
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns | {"at": pa.repeat(NOW_MS, count)}), path)
    spool, report = load_file(path, bad=0.0)
    assert (len(spool), spool.users, spool.videos) == (count, ["u"], ["v"])
    assert report.tally.kind_counts == {"like": count}


def test_the_quarantine_holds_exactly_the_bad_rows(tmp_path: Path) -> None:
    """Every bad row is there once, with its file, place, reason, detail and values."""
    (tmp_path / "in").mkdir()
    lines = [event(), event(at=5), event(user=7), event(rating=float("nan"), kind="rating")]
    (tmp_path / "in" / "a.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines[:3]) + "nonsense\n"
    )
    (tmp_path / "in" / "b.csv").write_text(HEADER + FINE * 2 + f"u,v,watch,{NOW_MS},inf\n,,,,\n")
    _, report = load_file(tmp_path / "in")
    found = quarantined(report)
    places = [(Path(row["path"]).name, row["row"], row["reason"]) for row in found]
    assert places == [
        ("a.jsonl", 3, "invalid"),
        ("a.jsonl", 2, "time_out_of_bounds"),
        ("a.jsonl", 4, "unreadable"),
        ("b.csv", 4, "invalid"),
        ("b.csv", 5, "invalid"),
    ]
    values = [row["values"] and json.loads(row["values"]) for row in found]
    assert values[:4] == [lines[2], lines[1], None, event(watch_ratio="inf")]
    assert found[0]["detail"] == "Expected `str`, got `int` - at `$.user`"
    assert found[1]["detail"].startswith("at = 5 is not between")
    assert found[2]["detail"].startswith("not a JSON object: ")
    assert len(found) == report.rows - report.kept


def test_a_hopeless_file_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none of very many rows can be used, the rest is left and the message says so."""
    monkeypatch.setattr(loading, "HOPELESS", 4)
    bad = table([event(kind="stare")] * 3)

    def unread() -> Iterator[Table]:
        yield bad
        yield bad
        msg = "was read on"
        raise AssertionError(msg)

    with pytest.raises(BadDataError, match="no interaction to learn from in the first 6 rows"):
        load(unread(), LoadSettings(), NOW_MS, tmp_path)
    good = table([event()])
    settings = LoadSettings(max_bad_share=1)
    assert len(load([good, bad, bad, good], settings, NOW_MS, tmp_path)[0]) == 2
