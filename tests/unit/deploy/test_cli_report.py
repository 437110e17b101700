"""The command report, and what a night says in the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from deploy.cli import report as command
from deploy.embedded.redis_server import EmbeddedRedis
from deploy.night.folder import NightFolder, newest_report
from deploy.night_summary import summary
from tests.builders import model
from tests.unit import reports
from tests.unit.report_parts import NIGHT_AT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from batch_training.night_report import NightReport

OTHER = ModelVersion("20261003T022958Z-91f3aa20c4e8")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder to the nights, and another to stand in."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("UPNEXT_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path / "state"


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """Give a Redis that holds a model with a report, and one without."""
    with EmbeddedRedis() as server, connect(server.url) as client:
        store = ModelStore(client, RedisKeys())
        told = msgspec.json.encode(reports.published())
        store.publish(ModelVersion(reports.VERSION), model(seed=1), Catalogue(), told)
        store.publish(OTHER, model(seed=2), Catalogue())
        yield server.url


def run(*words: str) -> Result:
    """Run the command."""
    app = typer.Typer()
    command.add_to(app)
    return CliRunner().invoke(app, [*words])


def keep(state: Path, report: NightReport) -> Path:
    """Leave behind what a night leaves; gives its folder."""
    folder = NightFolder.make(state, report.started_at)
    folder.keep(report)
    return folder.path


def test_last_night(state: Path) -> None:
    """Without a version the page of the newest night is written into its folder, and named."""
    keep(state, reports.published())
    refused = msgspec.structs.replace(reports.refused(), started_at=NIGHT_AT + 86_400_000)
    folder = keep(state, refused)
    (folder / "report.html").unlink()
    ended = run()
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.strip() == str(folder / "report.html")
    assert ">Refused<" in (folder / "report.html").read_text()


def test_no_night(state: Path) -> None:
    """Where no night ran, the command says where it looked and what to do."""
    ended = run()
    assert ended.exit_code == 1
    assert str(state / "nights") in ended.stderr
    assert "upnext night PATH..." in ended.stderr


def test_damaged_report(state: Path) -> None:
    """A report that can't be read is named, and nothing is written."""
    folder = keep(state, reports.published())
    (folder / "report.html").unlink()
    (folder / "report.json").write_text('{"started_at": "soon"}')
    ended = run()
    assert ended.exit_code == 1
    assert str(state / "nights") in ended.stderr
    assert "started_at" in ended.stderr
    assert not (folder / "report.html").exists()


def test_output(state: Path, tmp_path: Path) -> None:
    """The page goes to the file that --output names; one that can't be written is told."""
    keep(state, reports.published())
    assert run("--output", "mine.html").exit_code == 0
    assert ">Published<" in (tmp_path / "here" / "mine.html").read_text()
    ended = run("--output", str(tmp_path / "nowhere" / "mine.html"))
    assert ended.exit_code == 1
    assert "nowhere" in ended.stderr
    assert "--output" in ended.stderr


def test_version(state: Path, redis_url: str, tmp_path: Path) -> None:
    """A version that is named by its beginning gives the page that was published with it."""
    ended = run("20261002", "--redis-url", redis_url)
    assert ended.exit_code == 0, ended.stderr
    page = tmp_path / "here" / f"upnext-report-{reports.VERSION}.html"
    assert ended.stdout.strip() == str(page)
    assert reports.VERSION in page.read_text()


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("2026", "'2026' may be "),
        ("2025", "There is no version '2025'"),
        (OTHER, f"Version {OTHER} was published without a report"),
    ],
)
def test_no_page_for_version(state: Path, redis_url: str, version: str, told: str) -> None:
    """A version that is not the only one, is unknown, or has no report is told."""
    ended = run(version, "--redis-url", redis_url)
    assert ended.exit_code == 1
    assert told in ended.stderr + str(ended.exception)


def test_open(state: Path) -> None:
    """With --open the browser is given the page."""
    folder = keep(state, reports.published())
    seen = state / "seen"
    browser = state / "browser.py"
    browser.write_text(f"import sys; open({str(seen)!r}, 'w').write(sys.argv[1])")
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "report", "--open"],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"BROWSER": f"{sys.executable} {browser} %s"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert seen.read_text() == (folder / "report.html").as_uri()


def test_report_survives_the_folder(state: Path) -> None:
    """What a night keeps on disk is what it had to tell."""
    told = reports.published()
    folder = keep(state, told)
    assert newest_report(state) == (told, folder)
    assert datetime.fromtimestamp(NIGHT_AT / 1000, UTC).strftime("%Y%m%d") in folder.name


def said(report: NightReport) -> str:
    """Give what the terminal shows."""
    console = Console(file=StringIO(), width=200)
    console.print(summary(report))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_summary() -> None:
    """The terminal shows verdict, quality next to last night's, what was dropped, time, unusual."""
    report = reports.published()
    text = said(report)
    assert text.strip().startswith(f"Published. {reports.VERSION} is served now.")
    for told in ("13.4", "12.9", "12.8", "24,022 of 20,004,182 rows", "31\xa0min 14", "138,412"):
        assert told in text
    assert [sentence for sentence in report.unusual if sentence not in text] == []


def test_summary_of_what_went_wrong() -> None:
    """A refusal gives its reasons, square brackets and all, and a fault says what is served."""
    odd = msgspec.structs.replace(reports.bad_data(), reasons=("column [red] is missing",))
    assert "column [red] is missing" in said(odd)
    assert "Refused for its data." in said(odd)
    fault = said(reports.fault())
    assert "Fault. The night broke off" in fault
    assert "What was served before still is." in fault  # it never got to know what
