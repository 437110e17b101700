"""The benchmarks still run, and what they compare is the same thing."""

from __future__ import annotations

import re

import pytest

from batch_training.training.device import HAS_CUDA
from batch_training.training.settings import TrainSettings
from data.sources.sample import make_sample
from tests.benchmarks import (
    defaults,
    fit,
    gpu,
    nights,
    nights_chart,
    numerics,
    refresh,
    synthetic,
    whole_night,
)
from tests.benchmarks.__main__ import BENCHMARKS, main
from tests.benchmarks.race import race
from tests.benchmarks.report import Report, markdown_of, table_of
from tests.benchmarks.world import Size, first_users, make_world

TINY = Size(users=300, videos=400, events=12_000, factors=16, iterations=2, length=10)


def test_both_sides_give_the_same_lists() -> None:
    """UpNext and implicit list the same videos for the same batch, but for equal scores."""
    world = make_world(TINY)
    found = numerics.agreement(world, first_users(world, 64))
    assert found.users == found.agree == 64


def test_numerics_give_a_table() -> None:
    """The benchmark of the numerics runs through and tells every row that it promises."""
    said: list[str] = []
    report = numerics.run(said.append, TINY, batch=8, rounds=1)
    assert [row[0] for row in report.rows][:1] == [numerics.THEIRS]
    assert {len(row) for row in report.rows} == {len(report.columns)}
    assert table_of(report).row_count == len(report.rows)
    assert said


def test_a_report_can_be_put_on_a_page() -> None:
    """Title, table, conditions and notes all stand in the Markdown, one row a line."""
    report = Report(
        title="Speed",
        conditions=["two", "cores"],
        columns=("", "ms"),
        rows=[("ours", "1"), ("theirs", "2")],
        notes=["goal: less"],
    )
    table = "|  | ms |\n| --- | ---: |\n| ours | 1 |\n| theirs | 2 |"
    assert markdown_of(report) == f"**Speed**\n\n{table}\n\n- two cores\n- goal: less\n"


def test_fit_gives_a_table() -> None:
    """The benchmark of the training runs through; loss and probe are looked at to the end."""
    settings = TrainSettings(factors=8, iterations=5, threads=1, device="cpu", tolerance=0.0)
    report = fit.run(lambda _: None, synthetic.Size(200, 240, 8_000), settings, rounds=1)
    assert [row[0] for row in report.rows][:3] == [fit.THEIRS, fit.OURS, fit.WATCHED]
    assert {len(row) for row in report.rows} == {len(report.columns)}
    assert [note.count(":") for note in report.notes] == [3, 3]


def test_refresh_gives_a_table() -> None:
    """The benchmark of the refresh runs through, and both sides name the same videos."""
    said: list[str] = []
    report = refresh.run(said.append, TINY, TINY._replace(users=40, events=900), rounds=1)
    assert [row[0] for row in report.rows][:2] == [refresh.THEIRS, refresh.EMPTY]
    assert {len(row) for row in report.rows} == {len(report.columns)}
    assert report.notes == ["lists: 40 of 40 name the same videos in the same order"]
    assert said


@pytest.mark.slow
def test_a_whole_night_is_told_part_by_part() -> None:
    """Nothing that a night does is left out or told twice, and its stages are all known."""
    night = whole_night.measure(synthetic.Size(users=300, videos=800, events=30_000))
    assert night.parts[whole_night.ELSE].wall > 0
    told = sum(stage.cpu_s for stage in night.report.stages)
    in_stages = sum(cost.cpu for name, cost in night.parts.items() if name != whole_night.ELSE)
    assert in_stages == pytest.approx(told)
    own = (whole_night.FITS, whole_night.BASELINES, whole_night.REFRESH)
    assert all(night.parts[name].cpu > 0 for name in own)
    assert night.rest.wall + sum(night.parts[name].wall for name in own) == pytest.approx(
        night.whole.wall
    )
    report = nights.told([night, night])
    assert {len(row) for row in report.rows} == {len(report.columns)} == {3}


def test_nights_are_drawn_to_scale() -> None:
    """What grows in proportion has bars of equal length, and lies on its straight line."""
    seconds = {1_000_000: {"fits": 10.0, "rest": 5.0}, 4_000_000: {"fits": 40.0, "rest": 5.0}}
    _, first, last = nights_chart.bars(seconds)
    assert first.count("█") == last.count("█") == 4 * last.count("▓") * 2
    drawn = nights_chart.drawing(seconds)
    x = re.findall(r'cx="([\d.]+)"', drawn)
    y = [float(place) for place in re.findall(r'cy="([\d.]+)"', drawn)]
    assert len(set(x)) == 2
    zero = 340
    assert sorted(zero - place for place in y)[:2] == pytest.approx([(zero - min(y)) / 8] * 2)
    assert {"fits: 40 s", "rest: 5 s"} <= set(re.findall(r">([^<]+)</text>", drawn))


def test_a_fit_is_timed_by_its_iterations() -> None:
    """On the CPU as on a GPU a fit tells where it ran, the time of an iteration, and its worth."""
    past = gpu.past_and_later(synthetic.Size(users=300, videos=800, events=30_000))
    settings = TrainSettings(factors=8, iterations=4, threads=1, device="cpu", check_every=0)
    found = gpu.fitted(past, settings)
    assert found.device == "cpu"
    assert 0 < found.seconds < 1
    assert 0.02 < found.hit_rate < 1


@pytest.mark.skipif(HAS_CUDA, reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured_and_the_report_says_why() -> None:
    """The table is empty, and what is missing is named."""
    report = gpu.run(lambda _: None)
    assert not report.rows
    assert "no GPU that works here" in report.conditions[-1]


def test_race_takes_the_median_and_leaves_the_first_round_out() -> None:
    """Every runner runs once a round, and once more before the clock counts."""
    turns: list[str] = []
    seconds = race({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, 2)
    assert turns == ["a", "b"] * 3
    assert set(seconds) == {"a", "b"}


def test_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is none is answered with the names that there are."""
    with pytest.raises(SystemExit):
        main(["speed"])
    assert f"no benchmark speed; there are {', '.join(BENCHMARKS)}" in capsys.readouterr().err


@pytest.mark.slow
def test_defaults_give_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the defaults searches, judges both sides by newer events, and tells of both."""
    small = make_sample(users=300, videos=200, events=20_000).interactions
    monkeypatch.setattr(defaults, "samples", lambda *_: iter([("small", small)]))
    report = defaults.run(lambda _: None, trials=3)
    ((name, users, before, found, on_test, _, less),) = report.rows
    assert (name, users) == ("small", "300")
    assert 0.1 < float(before) <= float(found.split()[0]) < 1
    assert 0.1 < float(on_test) < 1
    assert less.count("%") == 3
