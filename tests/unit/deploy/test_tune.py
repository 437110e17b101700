"""The command tune, its file, and that file as the lowest layer of the settings."""

from __future__ import annotations

import signal
import tomllib
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import typer

from deploy.cli.tune import seconds
from deploy.narrator import Narrator
from deploy.settings import load_settings
from deploy.tuning.screen import Screen
from tests.commands import Upnext, run_upnext
from tests.unit.nights import world

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.tuning.study import Standing

pytestmark = pytest.mark.usefixtures("folder")

QUICK = ("--trials", "4", "--factors", "8", "--iterations", "3", "--threads", "1")


@pytest.fixture
def tune(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Upnext:
    """Give `upnext tune` on a small world."""
    monkeypatch.setenv("COLUMNS", "200")
    pd.DataFrame(world()).to_csv(folder / "events.csv", index=False)

    command = ("tune", "events.csv", "--state-folder", "state")
    return partial(run_upnext, monkeypatch, capsys, *command)


def test_a_search_from_file_to_file(tune: Upnext, folder: Path) -> None:
    """It prints its tables, and writes what `upnext night` then trains with, and a drawing."""
    ended = tune(*QUICK)
    assert ended.status == 0, ended.err
    assert "HR@10" in ended.out
    assert "Is each part worth it?" in ended.out
    text = (folder / "tuned.toml").read_text()
    assert "4 trials" in text
    written = tomllib.loads(text)
    assert written["factors"] == 8
    assert "seed" not in written
    given = load_settings({}).night().given or {}
    assert {name: given[name] for name in written} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in written.items()
    }


def test_a_search_in_vain_sets_and_replaces_nothing(tune: Upnext, folder: Path) -> None:
    """Nothing better than the defaults: an earlier file stays, a new one sets what was given."""
    pd.DataFrame(world(users=100, each=16, seed=9)).to_csv(folder / "events.csv", index=False)
    words = (*QUICK, "--trials", "1", "--regularization", "5")
    ended = tune(*words)
    text = (folder / "tuned.toml").read_text()
    assert "Difference: +0.0000" in text
    assert tomllib.loads(text) == {"factors": 8, "iterations": 3, "regularization": 5.0}
    assert "Nothing better than the defaults was found." in ended.out
    (folder / "tuned.toml").write_text("alpha = 3.0\n")
    assert "tuned.toml is left as it was; delete it to train with the defaults" in tune(*words).out
    assert (folder / "tuned.toml").read_text() == "alpha = 3.0\n"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_ctrl_c_is_told(
    tune: Upnext, folder: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    """The first ends the trials; one more, at once or amid the look at the parts, the search."""
    say = Narrator.say

    def press(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    def press_in_a_search(_: Screen, standing: Standing) -> None:
        if standing.done == 2:
            press()

    def say_and_press(narrator: Narrator, text: str) -> None:
        say(narrator, text)
        if "found so far" in text:
            press()

    monkeypatch.setattr(Screen, "show", press_in_a_search)
    if at_once:
        monkeypatch.setattr(Narrator, "say", say_and_press)
    else:
        monkeypatch.setattr("deploy.tuning.run.without_useless", press)
    ended = tune(*QUICK)
    assert ended.status == 128 + signal.SIGINT
    assert "here is what was found so far" in ended.err
    assert "nothing is written; another run goes on" in ended.err
    assert not (folder / "tuned.toml").exists()


def test_a_search_goes_on(tune: Upnext, folder: Path) -> None:
    """Run again with more trials it goes on, says so, and draws what mattered."""
    assert "earlier runs" not in tune(*QUICK).err
    ended = tune(*QUICK, "--trials", "12")
    assert "after 4 trials of earlier runs" in " ".join(ended.err.split())
    assert "12 trials" in ended.out
    assert (folder / "tuned.svg").read_text().startswith("<svg")


def test_a_search_is_not_bound_by_the_one_before(tune: Upnext, folder: Path) -> None:
    """What stands in tuned.toml is neither fixed nor read by the next search."""
    (folder / "tuned.toml").write_text("alpha = 3.0\nunknown = 1\n")
    assert tune(*QUICK).status == 0
    assert tomllib.loads((folder / "tuned.toml").read_text())["alpha"] != 3.0


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--budget", "soon"), 2, "90s, 30m or 2h"),
        (("--trials", "0"), 2, "--trials"),
        (("--out", "missing/tuned.toml"), 1, "missing/tuned.toml (No such file or directory)"),
        (("--out", "."), 1, "--out"),
        (("--storage", "events.csv"), 1, "--storage"),
        (("--out", "found.svg"), 2, "found.svg is to hold settings"),
        (("--gate-margin", "0.1"), 2, "No such option: --gate-margin"),
        (("--refresh-days", "3"), 2, "No such option: --refresh-days"),
        (("--follow-weight", "1e39"), 2, "follow_weight: "),
        (("--watch-floor", "1.2"), 2, "watch_knee = 1.0 must be above watch_floor = 1.2"),
        (("--judged-share", "0.999"), 4, "a search needs at least 100"),
    ],
)
def test_what_can_not_be_done_is_told(
    tune: Upnext, words: tuple[str, ...], status: int, told: str
) -> None:
    """Each mistake has its exit code, and says what to do."""
    ended = tune(*QUICK, *words)
    assert ended.status == status
    assert told in " ".join(ended.err.split())


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1.5m", 90), ("2h", 7200)])
def test_budgets_are_read(text: str, expected: float) -> None:
    """A number with s, m or h is a time."""
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "30", "0s", "-1m", "1d", "1 h", "infm"])
def test_no_budget_is_guessed(text: str) -> None:
    """What is no time is refused."""
    with pytest.raises(typer.BadParameter):
        seconds(text)
