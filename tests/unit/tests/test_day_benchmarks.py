"""The parts of the day's benchmarks that need no Kafka."""

from __future__ import annotations

import re
from contextlib import nullcontext
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.benchmarks.day import pictures, room, soak, stages
from tests.benchmarks.day.traffic import BURST, bursts, distinct_share, uniform
from tests.benchmarks.day.worlds import few, tiled
from tests.benchmarks.svg import Axis, Plot
from tests.benchmarks.world import LARGE, Size, make_world

if TYPE_CHECKING:
    from pathlib import Path

TINY = Size(users=300, videos=400, events=12_000, factors=16, iterations=2, length=10)


def test_bursts_are_as_long_as_they_should_be() -> None:
    """With one user live at a time, each sends five events in a row on average, then the next."""
    drawn = bursts(5_000, 50_000, seed=1, live_at_once=1)
    lengths = [len(list(burst)) for _, burst in groupby(drawn)]
    assert np.mean(lengths) == pytest.approx(BURST, rel=0.05)


def test_bursts_have_fewer_users_in_a_batch_than_even_traffic() -> None:
    """The larger a batch, the fewer users it has for each event, if they come in bursts."""
    even, burst = uniform(5_000, 20_000, 1), bursts(5_000, 20_000, 1)
    assert distinct_share([1, 1, 2, 3], 2) == pytest.approx(0.75)
    assert distinct_share(burst, 512) < distinct_share(burst, 100) < distinct_share(even, 100)


def test_a_tiled_world_holds_the_trained_one() -> None:
    """A larger model has the trained videos first, under their own ids, and can fold users in."""
    world = few(make_world(TINY), 5)
    larger = tiled(world, 3)
    n = world.model.n_items
    assert larger.model.n_items == 3 * n
    assert len(set(larger.model.vocabulary.ids)) == 3 * n
    assert larger.model.vocabulary.ids[:n] == world.model.vocabulary.ids
    np.testing.assert_array_equal(larger.model.item_factors[:n], world.model.item_factors)
    assert len(larger.users) == 5


def test_room_adds_up() -> None:
    """A user takes the history, the list, and what Redis keeps beside them."""
    report = room.run(lambda _: None, users=2_000)
    history, shown, tables, user = (int(row[2].replace(",", "")) for row in report.rows)
    assert history + shown + tables == pytest.approx(user, abs=2)
    assert history > 600
    assert shown > 400
    assert tables > 0


def test_stages_take_all_of_the_time() -> None:
    """The stages of the body are told one by one, and make up the whole."""
    report = stages.run(lambda _: None, TINY, batches=4, batch=64)
    *parts, whole = (float(row[1]) for row in report.rows)
    assert all(part > 0 for part in parts)
    assert sum(parts) == pytest.approx(whole, abs=0.1 * len(parts))


def test_a_plot_is_to_scale() -> None:
    """On a plain axis equal distances are equal differences, on the other one equal ratios."""
    plain, log = Axis("x", 0, 200), Axis("y", 1, 100, log=True)
    assert [plain.share(v) for v in (0, 50, 200, 300)] == pytest.approx([0, 0.25, 1, 1])
    assert [log.share(v) for v in (0, 1, 10, 100)] == pytest.approx([0, 0, 0.5, 1])
    assert plain.ticks() == [0, 50, 100, 150, 200]
    assert log.ticks() == [1, 2, 5, 10, 20, 50, 100]
    plot = Plot("A < B", plain, log)
    plot.line([(0, 1), (200, 100)], "#000", "steep")
    assert 'points="64.0,320.0 560.0,56.0"' in plot.svg()
    assert {"A &lt; B", "steep"} <= set(re.findall(r">([^<]+)</text>", plot.svg()))


def test_pictures_name_what_they_show() -> None:
    """Every load and every line stands in its picture under its name."""
    named = {"20 events/s": [(0.0, 4.0), (1.0, 900.0)], "500 events/s": [(0.5, 9.0), (0.6, 11.0)]}
    for drawn in (pictures.latencies(named), pictures.over_time(named)):
        assert set(named) <= set(re.findall(r">([^<]+)</text>", drawn))
    assert ">1 in flight<" in pictures.by_videos({"1 in flight": [(1e3, 9e3), (1e5, 5e2)]})
    assert ">4,000 events/s<" in pictures.by_batch([(1.0, 90.0), (512.0, 4e3)])
    assert ">190 MiB<" in pictures.soak([(0, 180.0), (1e6, 190.0)])


def soaked(leak: int) -> soak.Soak:
    """Make a soak of a million events whose worker warms up and leaks so many bytes an event."""
    warming = [min(events, 100_000) * 400 for events in range(0, 1_000_001, 4_000)]
    moments = [
        soak.Moment(4_000 * place, place, 300 * 2**20 + warm + leak * 4_000 * place, 0)
        for place, warm in enumerate(warming)
    ]
    return soak.Soak(moments, users=1_000_000)


@pytest.mark.parametrize("leak", [0, 7, 9, 200])
def test_a_soak_sees_a_leak(leak: int) -> None:
    """A worker that keeps a pointer or more for each event is told from one that only warms up."""
    seen = soaked(leak)
    assert seen.growth == pytest.approx(leak)
    assert seen.is_flat == (leak < 8)
    assert seen.verdict.startswith("flat" if seen.is_flat else "NOT FLAT")
    assert "can't tell" in soak.Soak(seen.moments[:100], users=396_000).verdict


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (soaked(0), ""),
        (soaked(9), "not flat"),
        (soaked(0)._replace(users=999_999), "999,999 are in Redis"),
    ],
    ids=["flat", "not flat", "a user lost"],
)
def test_only_a_soak_that_went_well_is_drawn(
    seen: soak.Soak, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A soak with a complaint ends with it, and leaves the picture of an earlier one."""
    picture = tmp_path / "soak.svg"
    picture.write_text("earlier")
    monkeypatch.setattr(soak, "_PICTURE", picture)
    monkeypatch.setattr(soak, "run", lambda *_: (soak._report(seen, LARGE), seen))
    with pytest.raises(SystemExit, match=said) if said else nullcontext():
        soak.main([])
    assert (picture.read_text() == "earlier") == bool(said)
