"""The benchmarks still run, and what they compare is the same thing."""

from __future__ import annotations

import pytest

from tests.benchmarks import numerics
from tests.benchmarks.__main__ import main
from tests.benchmarks.race import race
from tests.benchmarks.report import table_of
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
    assert "no benchmark speed; there are numerics, worker" in capsys.readouterr().err
