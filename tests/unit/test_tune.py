"""The command tune, its file, and that file as the lowest layer of the settings."""

from __future__ import annotations

import signal
import sys
import tomllib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pytest
import typer
from optuna.trial import FixedTrial

from batch_training.merging.histories import merge_events
from batch_training.training.flat import NAMES, flat_values, with_values
from batch_training.training.settings import TrainSettings
from batch_training.tuning.space import Space
from batch_training.tuning.study import Standing
from deploy import cli
from deploy.cli.tune import seconds
from deploy.settings import TrainingSettings, TunedSettings, load_settings
from deploy.settings.sources import SettingsError
from tests.builders import event
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WATCHES = {"watch_floor", "watch_knee", "complete_weight", "skip_weight"}
QUICK = ("--trials", "4", "--factors", "8", "--iterations", "3", "--threads", "1")


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without settings from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("UPNEXT_CONFIG", "UPNEXT_TUNED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def tune(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Give `upnext tune` on a small world."""
    pd.DataFrame(world()).to_csv(folder / "events.csv", index=False)

    def run(*words: str) -> Ended:
        command = ["upnext", "tune", "events.csv", "--state-folder", "state", *words]
        monkeypatch.setattr(sys, "argv", command)
        code: object = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
        return Ended(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


def test_a_search_from_file_to_file(tune: Callable[..., Ended], folder: Path) -> None:
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


def test_a_search_in_vain_sets_and_replaces_nothing(
    tune: Callable[..., Ended], folder: Path
) -> None:
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


def test_a_second_ctrl_c_is_told(
    tune: Callable[..., Ended], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ends the trials; one more, amid the look at the parts, says what is left."""

    def stop(*seen: object) -> None:
        if not (isinstance(seen[-1], Standing) and seen[-1].done < 2):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("deploy.tuning.run.Screen.show", stop)
    monkeypatch.setattr("deploy.tuning.run.without_useless", stop)
    ended = tune(*QUICK)
    assert ended.status == 128 + signal.SIGINT
    assert "here is what was found so far" in ended.err
    assert "nothing is written; another run goes on" in ended.err
    assert not (folder / "tuned.toml").exists()


def test_a_search_goes_on(tune: Callable[..., Ended], folder: Path) -> None:
    """Run again with more trials it goes on, says so, and draws what mattered."""
    assert "earlier runs" not in tune(*QUICK).err
    ended = tune(*QUICK, "--trials", "12")
    assert "after 4 trials of earlier runs" in " ".join(ended.err.split())
    assert "12 trials" in ended.out
    assert (folder / "tuned.svg").read_text().startswith("<svg")


def test_a_search_is_not_bound_by_the_one_before(tune: Callable[..., Ended], folder: Path) -> None:
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
    tune: Callable[..., Ended], words: tuple[str, ...], status: int, told: str
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


def test_tuned_is_the_lowest_layer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag, a variable and upnext.toml each beat tuned.toml, which beats the data."""
    (folder / "tuned.toml").write_text(
        "factors = 1\niterations = 1\nalpha = 1\nhalf_life = 1\nrating_weights = [1, 2, 3, 4, 5]\n"
    )
    (folder / "upnext.toml").write_text("iterations = 2\nalpha = 2\n")
    monkeypatch.setenv("UPNEXT_ALPHA", "3")
    found = load_settings({"factors": 4})
    assert (found.factors, found.iterations, found.alpha, found.half_life) == (4, 2, 3, 1)
    assert found.model_dump()["rating_weights"] == (1, 2, 3, 4, 5)
    assert load_settings({}, with_tuned=False).half_life is None


def test_layers_have_to_go_together(folder: Path) -> None:
    """What each file may say alone, but not both together, is refused before anything is read."""
    (folder / "tuned.toml").write_text("watch_knee = 0.65\n")
    assert load_settings({}).watch_knee == 0.65
    (folder / "upnext.toml").write_text("watch_floor = 0.7\n")
    with pytest.raises(SettingsError, match=r"from upnext\.toml.*from tuned\.toml"):
        load_settings({})


@pytest.mark.parametrize(
    ("flags", "variable", "told"),
    [
        (
            {"watch_floor": 1.2},
            None,
            "(watch_floor is from --watch-floor, watch_knee is the default)",
        ),
        (
            {"watch_knee": 0.1},
            "0.7",
            "(watch_floor is from UPNEXT_WATCH_FLOOR, watch_knee is from --watch-knee)",
        ),
        ({}, "0.7", "(watch_floor is from UPNEXT_WATCH_FLOOR, watch_knee is from upnext.toml)"),
    ],
)
def test_a_conflict_names_its_own_places(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: dict[str, float],
    variable: str | None,
    told: str,
) -> None:
    """Settings that don't go together are each told with the one place that they come from."""
    if variable:
        monkeypatch.setenv("UPNEXT_WATCH_FLOOR", variable)
        (folder / "upnext.toml").write_text("watch_knee = 0.5\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(flags)
    assert told in str(caught.value)


def test_tuned_may_lie_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPNEXT_TUNED names another file, which has to be there."""
    (folder / "other.toml").write_text("factors = 3\n")
    monkeypatch.setenv("UPNEXT_TUNED", "other.toml")
    assert load_settings({}).factors == 3
    monkeypatch.setenv("UPNEXT_TUNED", "missing.toml")
    with pytest.raises(SettingsError, match=r"UPNEXT_TUNED names missing\.toml"):
        load_settings({})


@pytest.mark.parametrize(
    "content", ["factor = 3", "kafka = 'x'", "seed = 1", "factors = 0", "factors = ", "[a]\nb = 1"]
)
def test_a_bad_tuned_file_is_named(folder: Path, content: str) -> None:
    """A key that is unknown, or none of the model's, or a bad value: the error names the file."""
    (folder / "tuned.toml").write_text(content)
    with pytest.raises(SettingsError, match=r"tuned\.toml"):
        load_settings({})


def test_numbers_may_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag and variable give the weights of the stars alike; four of them are refused."""
    assert load_settings({"rating_weights": "0,0,1,2,3"}).rating_weights == (0, 0, 1, 2, 3)
    monkeypatch.setenv("UPNEXT_RATING_WEIGHTS", "0,0,1,2,4")
    assert load_settings({}).rating_weights == (0, 0, 1, 2, 4)
    with pytest.raises(SettingsError, match="rating_weights"):
        load_settings({"rating_weights": "1,2,3,4"})


def test_every_setting_of_the_model_has_a_flag() -> None:
    """The flat names of the training are those of the settings, without what only the code sets."""
    assert set(NAMES) - TrainingSettings.model_fields.keys() == {"tolerance"}
    assert TunedSettings.model_fields.keys() < set(NAMES)


def test_flat_names_lead_there_and_back() -> None:
    """Settings given by all of their flat names are the same, a half-life of 0 is none."""
    settings = TrainSettings(factors=3, seed=4)
    assert with_values(TrainSettings(), flat_values(settings)) == settings
    flat = with_values(settings, {"half_life": 0, "prior_weight": 2.0})
    assert flat.confidence.half_life is None
    assert flat.prior.weight == 2.0
    with pytest.raises(KeyError):
        with_values(settings, {"prior": 1.0})


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("rating",), {"rating_slope"}),
        (("watch",), WATCHES),
        (("like",), set()),
        (("rating", "like", "share"), {"rating_slope", "like_weight", "share_weight"}),
        (("like", "hide"), {"like_weight", "hide_weight"}),
        (("share", "dislike"), {"share_weight", "dislike_weight"}),
    ],
)
def test_only_what_the_data_speak_of_is_searched(
    kinds: tuple[str, ...], expected: set[str]
) -> None:
    """Weights of signals that are not there, or stand alone, are no parameters."""
    rows = [
        {"user": f"u{user}", "video": f"v{at}", "kind": kind, "at": 1 + at}
        | {"watch": {"watch_ratio": 1.0}, "rating": {"rating": 5.0}}.get(kind, {})
        for user in range(3)
        for at, kind in enumerate(kinds)
    ]
    space = Space.of(merge_events(events_of(rows)), TrainSettings())
    always = Space.of(merge_events(events_of([event()])), TrainSettings()).settings - WATCHES
    assert {p.name for p in space.parameters} - always == expected


def test_durations_are_searched_where_they_are_known() -> None:
    """How much of a watch gives way to its rank is a parameter only beside durations."""
    watched = merge_events(events_of([event("a"), event("b")]))
    for durations, expected in ((np.array([60.0, np.nan]), True), (np.full(2, np.nan), False)):
        space = Space.of(watched, TrainSettings(), durations=durations)
        assert ("duration_share" in space.settings) == expected


def test_what_is_given_is_not_searched() -> None:
    """A setting that a person gives is no parameter, and time is none where it is not known."""
    histories = merge_events(events_of(world()))
    names = Space.of(histories, TrainSettings(), ("alpha", "rating_weights")).settings
    assert not names & {"alpha", "rating_weights"}
    flat = Space.of(histories, TrainSettings(), in_time=False).settings
    assert not flat & {"half_life", "follow_weight"}
    assert "prior_weight" in flat


def test_a_part_that_is_off_for_good_is_not_searched() -> None:
    """With its weight given as 0, nothing of a part is a parameter."""
    histories = merge_events(events_of(world()))
    base = with_values(TrainSettings(), {"follow_weight": 0.0})
    names = Space.of(histories, base, ("follow_weight",)).settings
    assert not any(name.startswith("follow_") for name in names)
    assert "follow_window" in Space.of(histories, base).settings


@pytest.mark.parametrize("given", [{"watch_floor": 0.9}, {"watch_knee": 0.3}])
def test_the_curve_of_the_watches_keeps_its_order(given: dict[str, float]) -> None:
    """Whatever end of the curve is given, the other one is searched on its own side."""
    histories = merge_events(events_of([event()]))
    base = with_values(TrainSettings(), given | {"watch_floor": given.get("watch_floor", 0.1)})
    space = Space.of(histories, base, given)
    for share in (0.0, 1.0):
        ends = {p.name: p.low + share * (p.high - p.low) for p in space.parameters}
        with_values(
            base, {name: ends[name] for name in ends.keys() & WATCHES}
        )  # raises if they can't be used


def test_a_trial_of_the_defaults_is_the_defaults() -> None:
    """What a trial has to choose for the defaults leads to just these."""
    settings = TrainSettings()
    space = Space.of(merge_events(events_of(world())), settings)
    told = space.told(space.defaults)
    asked = {p: p.told(space.defaults[p.name]) for p in space.parameters}
    assert told == {p.name: value for p, value in asked.items()}
    values = space.ask(FixedTrial(told))
    values.pop("prior_half_life_days")  # 0 means what it says in days here
    assert with_values(settings, values) == settings
