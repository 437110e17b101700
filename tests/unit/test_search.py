"""The search: it finds what was planted, invents nothing, ends in time, and goes on later."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from batch_training.training.flat import with_values
from batch_training.tuning.errors import StorageError
from batch_training.tuning.parts import PARTS, without_useless
from batch_training.tuning.storage import study_name
from batch_training.tuning.study import Stop
from tests.planted import with_drifting_taste, with_fashion, with_fixed_taste, with_follow_ups
from tests.unit.nights import world
from tests.unit.searches import OF_THE_FIT, SMALL, bench_of, search_on

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.training.settings import TrainSettings
    from batch_training.tuning.bench import Bench
    from batch_training.tuning.study import Standing

ALL_OFF = with_values(SMALL, dict.fromkeys(PARTS, 0))
ALL_ON = with_values(SMALL, {"prior_weight": 0.1, "follow_weight": 4.0, "half_life": 3.0})
FOREVER = math.inf


@pytest.fixture(scope="module")
def bench() -> Bench:
    """Draw lists in the small world of the night's tests."""
    return bench_of(world())


def found(
    bench: Bench, base: TrainSettings, trials: int = 16, fixed: tuple[str, ...] = ()
) -> dict[str, float]:
    """Search, and give what decides the parts that are left."""
    with search_on(bench, base, OF_THE_FIT + fixed) as search:
        search.run(Stop(trials, FOREVER))
        best, _ = without_useless(search, search.best())
    weights = (best.prior.weight, best.follow_ups.weight, best.confidence.half_life or 0.0)
    return dict(zip(PARTS, weights, strict=True))


def test_planted_follow_ups_are_found() -> None:
    """Where episode follows upon episode, a search that begins without follow-ups finds them."""
    parts = found(bench_of(with_follow_ups()), ALL_OFF)
    assert parts["follow_weight"] > 0.5
    assert parts["prior_weight"] == 0


def test_planted_recency_is_found() -> None:
    """Where taste drifts, a search that begins without a half-life ends with a short one."""
    # Follow-ups, which would also tell the last few topics, stay off.
    parts = found(bench_of(with_drifting_taste()), ALL_OFF, fixed=("follow_weight",))
    assert 0 < parts["half_life"] < 15
    assert parts["prior_weight"] == 0


def test_planted_fashion_is_found() -> None:
    """Where all turn to new videos, a search that begins without a prior ends with one."""
    # Follow-ups and a half-life, which would also tell what was watched last, stay off.
    parts = found(bench_of(with_fashion()), ALL_OFF, fixed=("follow_weight", "half_life"))
    assert parts["prior_weight"] > 0.1


@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_invented(seed: int) -> None:
    """Where nothing was planted, a search that begins with all parts on ends with none."""
    assert found(bench_of(with_fixed_taste(seed)), ALL_ON, 10) == dict.fromkeys(PARTS, 0)


def test_the_first_trial_is_the_defaults(bench: Bench) -> None:
    """A search never ends worse than it began: the defaults, just as they are, come first."""
    odd = msgspec.structs.replace(SMALL, factors=17)
    with search_on(bench, odd, ()) as search:
        search.run(Stop(1, FOREVER))
        assert search.best() == odd
        assert search.standing().defaults == search.worth(odd).mean() == search.standing().best


def test_it_goes_on_where_it_stopped(bench: Bench, tmp_path: Path) -> None:
    """Trials of earlier runs count, are never drawn again, and their best is still the best."""
    heard: list[Standing] = []
    with search_on(bench, file=tmp_path / "t.db") as search:
        search.run(Stop(4, FOREVER), heard.append)
        before = search.standing()
    with search_on(bench, file=tmp_path / "t.db") as search:
        assert search.standing() == before
        search.run(Stop(4, FOREVER))
        assert search.standing() == before
        search.run(Stop(7, FOREVER))
        drawn = [tuple(trial.params.values()) for trial in search.study.trials]
        assert search.standing().best >= before.best
    assert [standing.done for standing in heard] == [0, 1, 2, 3, 4]
    assert len(set(drawn)) == len(drawn) == 7


def test_the_same_seed_finds_the_same(bench: Bench) -> None:
    """Two searches with one seed try the same, a third one does not."""
    tried = []
    for seed in (0, 0, 1):
        with search_on(bench, seed=seed) as search:
            search.run(Stop(3, FOREVER))
            tried.append([(trial.params, trial.value) for trial in search.study.trials])
    assert tried[0] == tried[1] != tried[2]


def test_no_trial_begins_after_the_budget(bench: Bench) -> None:
    """Time that is over ends a search before its trials do, but for that of the defaults."""
    with search_on(bench) as search:
        search.run(Stop(50, time.monotonic()))
        assert search.standing().done == 1
        assert search.best() == search.base


def test_an_interrupt_keeps_what_was_found(bench: Bench, tmp_path: Path) -> None:
    """Ctrl-C between trials or within one loses that trial only, and the search can go on."""

    def interrupt(standing: Standing) -> None:
        if standing.done == 2:
            raise KeyboardInterrupt

    with search_on(bench, file=tmp_path / "t.db") as search:
        with pytest.raises(KeyboardInterrupt):
            search.run(Stop(5, FOREVER), interrupt)
        whole, search.fits = search.fits, None  # type: ignore[assignment]  # a bug, mid-trial
        with pytest.raises(AttributeError):
            search.run(Stop(5, FOREVER))
        search.fits = whole
        search.run(Stop(3, FOREVER))
    with search_on(bench, file=tmp_path / "t.db") as search:
        assert search.standing().done == 3


def test_trials_share_fits(bench: Bench) -> None:
    """Two trials of three take the factors of the best; without theirs to move, all do."""
    with search_on(bench) as search:
        search.run(Stop(6, FOREVER))
        assert search.fits.fitted == 1
    with search_on(bench, msgspec.structs.replace(SMALL, factors=32), ("iterations",)) as search:
        search.run(Stop(6, FOREVER))
        assert search.fits.fitted == 2


def test_shared_factors_are_those_of_a_fit_of_its_own(bench: Bench) -> None:
    """What a trial is worth doesn't hang on whether its factors were there already."""
    other = with_values(SMALL, {"half_life": 0, "follow_weight": 0, "prior_weight": 0.5})
    with search_on(bench) as search:
        search.worth(SMALL)
        shared = search.worth(other)
    with search_on(bench) as search:
        assert np.array_equal(search.worth(other), shared)


def test_hopeless_trials_are_given_up(bench: Bench) -> None:
    """What is far below the best after a few iterations is not fitted to the end."""
    with search_on(bench, fixed=()) as search:
        search.run(Stop(1, FOREVER))
        search.study.enqueue_trial(
            {"regularization": 1000.0, "alpha": 0.3, "half_life": 200.0, "follow_weight": 0.0}
        )
        search.run(Stop(2, FOREVER))
        assert search.standing().pruned == 1


def test_other_data_have_other_names(bench: Bench) -> None:
    """A search goes on with its own trials only: of the same data, protocol and settings."""
    names = set()
    for other in (bench, bench_of(world(seed=1)), bench_of(world(200), "temporal")):
        with search_on(other) as search:
            names.add(study_name(other, search.space, search.base))
            threads = msgspec.structs.replace(search.base, threads=2)
            assert study_name(other, search.space, threads) in names
    with search_on(bench, fixed=OF_THE_FIT[1:]) as search:
        names.add(study_name(bench, search.space, search.base))
    assert len(names) == 4


@pytest.mark.parametrize("content", [b"no database at all, but text" * 100, None])
def test_a_broken_memory_is_told_of(bench: Bench, tmp_path: Path, content: bytes | None) -> None:
    """A file that is no database, or can't be made, is named with what to do."""
    file = tmp_path / "t.db"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(StorageError, match=r"t\.db .*--storage"), search_on(bench, file=file):
        pass
