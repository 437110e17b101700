"""What `make quality` writes: every way with its figures, costs and picture."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import msgspec
import pytest

from batch_training.judging.peer_fits import PeerSettings
from batch_training.report.words import RUNGS
from batch_training.training.settings import FollowUpSettings, TrainSettings
from tests.benchmarks.quality.by_time import AT_ONCE, REPLAYED, by_time
from tests.benchmarks.quality.page import PAGE, section, write
from tests.benchmarks.quality.picture import drawing
from tests.benchmarks.tune_peers import GRIDS, METRIC, TRIALS, tune
from tests.unit.nights import events_of, world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.quality.found import Found

SMALL = TrainSettings(factors=8, iterations=3, threads=1)


@pytest.fixture(scope="module")
def founds() -> list[Found]:
    """Measure both protocols on a small world; the one without follow-ups, the other with."""
    events = events_of(world(users=40, videos=90))
    bare = msgspec.structs.replace(SMALL, follow_ups=FollowUpSettings(weight=0.0))
    asked = (REPLAYED._replace(train=SMALL), AT_ONCE._replace(train=bare, peers=PeerSettings()))
    return [by_time(events, one, lambda _: None, rounds=1) for one in asked]


def test_every_way_is_measured(founds: list[Found]) -> None:
    """Each part has a rung with a figure, also those that the settings leave off."""
    # A part that makes the whole has no rung of its own, and every list at the cut stays as it is.
    by_itself = (set[str](), {"recency", "left_alone"})
    for found, whole in zip(founds, by_itself, strict=True):
        assert {row.key for row in found.rows} == {*RUNGS, "candidate"} - whole
        for row in found.rows:
            assert row.figure.low <= row.figure.mean <= row.figure.high
            counts = row.key in {"popularity", "recent_popularity", "left_alone"}
            assert (None in row.cost) is counts


def test_costs_add_up(founds: list[Found]) -> None:
    """Prior and follow-ups cost on top of the factors; what isn't held costs no bytes."""
    cost = {row.key: row.cost for row in founds[0].rows}
    held = {key: one.bytes_a_video or 0 for key, one in cost.items()}
    pair = held["follow_ups"] - held["live"]
    assert pair == pytest.approx(50 * (4 + 4), rel=0.02)  # a row and a score each
    assert held["follow_ups_alone"] == pytest.approx(held["follow_ups"] - 8 * 4, rel=0.02)
    assert held["candidate"] == pytest.approx(held["everything"], rel=0.01)
    seconds = {key: one.train_s or 0 for key, one in cost.items()}
    parts = seconds["prior"] + seconds["follow_ups"] - seconds["live"]
    assert seconds["everything"] == pytest.approx(parts)
    alone = seconds["follow_ups"] - seconds["live"]
    assert seconds["follow_ups_alone"] == pytest.approx(alone)
    assert 0 < seconds["live"] < min(seconds["prior"], seconds["follow_ups"])


def test_the_page_is_written_between_its_markers(founds: list[Found], tmp_path: Path) -> None:
    """What stands around them stays; writing twice changes nothing; each picture is beside it."""
    page = tmp_path / PAGE
    page.write_text("before\n<!-- quality-output -->\nold\n<!-- /quality-output -->\nafter\n")
    write(founds, tmp_path)
    once = page.read_text()
    write(founds, tmp_path)
    assert page.read_text() == once
    assert once.startswith("before\n<!-- quality-output -->\n### Replay: ")
    assert once.endswith(".\n<!-- /quality-output -->\nafter\n")
    assert "old" not in once
    for found in founds:
        assert section(found) in once
        assert (tmp_path / f"quality-{found.name}.svg").read_text() == drawing(found)
        assert f"(quality-{found.name}.svg)" in once


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    """It says what it looked for."""
    (tmp_path / PAGE).write_text("nothing")
    with pytest.raises(ValueError, match="one pair of markers"):
        write([], tmp_path)


def test_bars_are_drawn_to_scale(founds: list[Found]) -> None:
    """Every way has a bar as long as its figure says, and the names are those of the table."""
    drawn = drawing(founds[0])
    widths = [float(part.split('"')[0]) for part in drawn.split(' width="')[2:]]
    means = [row.figure.mean for row in founds[0].rows]
    expected = [mean * max(widths) / max(means) for mean in means]
    assert widths == pytest.approx(expected, rel=0.01, abs=0.1)
    names = [escape(row.name.partition(":")[0]) for row in founds[0].rows]
    assert [name for name in names if f">{name}</text>" not in drawn] == []


def test_peers_are_tuned_for_each_protocol() -> None:
    """Each peer gets as many trials as are told, and the best of them is given."""
    events, told = events_of(world(users=12, videos=60, each=12)), list[str]()
    for protocol in METRIC:
        told.clear()
        best = tune(events, protocol, told.append)
        assert len(told) == TRIALS * len(GRIDS)
        for name, grid in GRIDS.items():
            found = [line for line in told if f" {name} " in line]
            worth = [float(line.rpartition(" ")[2]) for line in found]
            chosen = {axis: getattr(best, axis) for axis in (*grid, f"{name}_half_life")}
            assert str(chosen) in found[worth.index(max(worth))]
