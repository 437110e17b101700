"""What came of a night stands in its exit code and in one line of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.unit.nights import without_taste

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.embedded.redis_server import EmbeddedRedis
    from tests.faults.conftest import Histories
    from tests.faults.house import House
    from tests.faults.jobs import Jobs


def page_of(house: House, jobs: Jobs) -> str:
    """Let the command draw the page of the last night, and read it."""
    ended = jobs.start("report", f"--state-folder={house.state}").ended()
    assert ended.status == 0, ended.err
    page = next(house.state.glob("nights/*/report.html"))
    assert ended.out.split() == [str(page)]
    return page.read_text()


def test_worse_than_the_serving_model(house: House, jobs: Jobs, histories: Histories) -> None:
    """The gate refuses with 3, what is served stays, and the page says why."""
    before = house.dump()
    worse = house.night(jobs, histories.tonight, "--factors=1").ended()
    assert (worse.status, worse.line()["verdict"]) == (3, "refused")
    assert house.snapshot().active is not None
    assert house.dump() | {":{model}:fence": b""} == before | {":{model}:fence": b""}
    assert "those of the serving model" in page_of(house, jobs)


def test_force(house: House, jobs: Jobs, histories: Histories) -> None:
    """What the gate refuses is published, and the manifest says who wanted it, and why."""
    night = house.night(jobs, histories.tonight, "--factors=1", "--force=a trial")
    line = night.ended().line()
    assert (line["exit_code"], line["version"]) == (0, house.served)
    assert "@" in line["forced_by"]
    assert "a trial" in line["unusual"][0]
    gate = house.models.manifest(house.models.versions()[-1]).metadata["gate"]
    assert isinstance(gate, dict)
    assert gate["forced_why"] == "a trial"
    assert "@" in gate["forced_by"]
    assert gate["reasons"]


def test_no_better_than_popularity(
    empty_house: Callable[[EmbeddedRedis], House],
    server: EmbeddedRedis,
    jobs: Jobs,
    tmp_path: Path,
) -> None:
    """Even the first night is refused with 3 where there is no taste to learn."""
    house, history = empty_house(server), tmp_path / "history.parquet"
    pd.DataFrame(without_taste()).to_parquet(history)
    line = house.night(jobs, history, "--earliest-ms=1").ended().line()
    assert (line["exit_code"], line["verdict"]) == (3, "refused")
    assert "the popular videos in" in line["reasons"][0]
    assert house.dump().keys() == {":{model}:fence"}


def broken_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Break a tenth of the rows."""
    return rows.assign(kind=rows["kind"].where(rows.index % 10 > 0, "no such thing"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda rows: rows.head(len(rows) * 2 // 5), "max_fall"),
        (broken_rows, "max_bad_share"),
        (lambda rows: rows.head(0), "there is no interaction"),
    ],
)
def test_data_that_are_refused(
    house: House,
    jobs: Jobs,
    histories: Histories,
    tmp_path: Path,
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    reason: str,
) -> None:
    """Too few rows, or too many bad ones, end with 4 and name the setting; what is served stays."""
    before, history = house.snapshot(), tmp_path / "history.parquet"
    spoil(pd.read_parquet(histories.tonight).reset_index(drop=True)).to_parquet(history)
    line = house.night(jobs, history).ended().line()
    assert (line["exit_code"], line["verdict"]) == (4, "refused for its data")
    assert reason in line["reasons"][0]
    assert house.snapshot() == before
    assert house.strays() == []
    assert reason in page_of(house, jobs).lower()


def test_a_dry_run(house: House, jobs: Jobs, histories: Histories) -> None:
    """It ends with 0, says what would have come, and writes not one key."""
    before = house.dump()
    line = house.night(jobs, histories.tonight, "--dry-run").ended().line()
    assert (line["exit_code"], line["verdict"], line["version"]) == (0, "dry run", "")
    assert line["hit_rate"]["candidate"] > line["hit_rate"]["popularity"]
    assert house.dump() == before


def test_nobody_but_bots(house: House, jobs: Jobs, histories: Histories) -> None:
    """A bound that takes everybody for a bot ends with 4 and is named."""
    line = house.night(jobs, histories.tonight, "--max-events-a-day=1").ended().line()
    assert (line["exit_code"], line["verdict"]) == (4, "refused for its data")
    assert "max_events_a_day" in line["reasons"][0]
