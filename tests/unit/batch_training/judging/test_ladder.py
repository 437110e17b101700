"""The ladder takes a model apart, and every rung is what its name says."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pytest
from rich.console import Console

from batch_training.judging.bootstrap import intervals
from batch_training.judging.judge import Contest, JudgeSettings, judge
from batch_training.judging.ladder import compared, ladder_ways, rungs
from batch_training.judging.measure import HIT_RATE, Ruler
from batch_training.judging.peer_fits import PeerSettings, peers
from batch_training.judging.replay import ReplaySettings
from batch_training.judging.wanted import wanted
from batch_training.judging.ways import LeftAlone, ModelWay
from batch_training.merging.histories import merge_events
from batch_training.night_report import NightReport
from batch_training.report import render, words
from batch_training.training.settings import PriorSettings, TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.confidence import ConfidenceParameters
from data.up_next import up_next
from data.vocabulary import Vocabulary
from deploy.demo.pages import ladder_page
from tests import builders, oracle
from tests.unit import reports
from tests.unit.nights import events_of, world
from tests.unit.pages import Page

if TYPE_CHECKING:
    from data.frozen_model import FrozenModel

FLAT: Final = ConfidenceParameters(half_life=None)
JUDGED_BY_BOTH: Final = ("left_alone", "candidate", "popularity", "item_knn", "ease")


def way_of(model: FrozenModel) -> ModelWay:
    return ModelWay("candidate", model, np.arange(model.n_items, dtype=np.int32))


def names(model: FrozenModel, offered: FrozenModel | None = None) -> list[str]:
    return [rung.name for rung in rungs(way_of(model), offered)]


def by_hand(model: FrozenModel) -> dict[str, oracle.Model]:
    """Take a model apart in the oracle's form."""
    whole = builders.plain_model(model)
    nothing = np.zeros(model.n_items)
    flat = {**whole["confidence"], "half_life": None}
    live: oracle.Model = {**whole, "confidence": flat, "prior": nothing, "follow_ups": {}}
    soon: oracle.Model = {**live, "follow_ups": whole["follow_ups"]}
    tie = whole["popularity"] * 1e-6 / whole["popularity"].max()
    return {
        "live": live,
        "recency": {**live, "confidence": whole["confidence"]},
        "prior": {**live, "prior": whole["prior"]},
        "follow_ups": soon,
        "follow_ups_alone": {**soon, "item_factors": 0 * whole["item_factors"], "prior": tie},
        "candidate": whole,
    }


def test_every_rung_lists_what_its_slow_twin_lists() -> None:
    """Each part alone, none, and all give the lists of a model taken apart by hand."""
    random = np.random.default_rng(0)
    model = builders.model(prior=random.normal(0, 0.1, 40).astype(np.float32))
    twins = by_hand(model)
    ways = rungs(way_of(model))
    assert [way.name for way in ways] == list(twins)
    seen = set()
    for _ in range(20):
        videos = random.permutation(44)[: random.integers(1, 12)].tolist()
        events = [
            builders.event(f"v{video}", kind="rating", rating=5.0, at=at)
            for at, video in enumerate(videos, 1)
        ]
        given = builders.history(events)
        history = oracle.histories(events, 1_000)["u"]
        for way in ways:
            (made,) = up_next(way.model, ["u"], [given], version="v", activation=1, length=10)
            items = [(listed.id, listed.score) for listed in made.items]
            expected = oracle.up_next(twins[way.name], history, 10)
            assert oracle.compare_lists(items, expected) == [], way.name
            seen.add((way.name, tuple(listed.id for listed in made.items)))
    assert len({lists for _, lists in seen}) > 100  # the rungs differ


def test_a_part_that_is_not_there_has_no_rung() -> None:
    """Of the factors alone there is one rung, and a single part makes the whole."""
    nothing = np.zeros(40, np.float32)
    bare = builders.model(prior=nothing, follow_ups=None, confidence=FLAT)
    whole = builders.model()
    assert names(bare) == ["candidate"]
    assert names(replace(bare, prior=whole.prior)) == ["live", "candidate"]
    both = replace(bare, confidence=whole.confidence, prior=whole.prior)
    assert names(both) == ["live", "recency", "prior", "candidate"]
    one = replace(bare, follow_ups=whole.follow_ups)
    assert names(one) == ["live", "follow_ups_alone", "candidate"]


def test_more_can_be_offered_than_the_model_has() -> None:
    """A part that the model does without is shown as offered, alone and with everything."""
    offered = builders.model()
    served = replace(offered, prior=np.zeros(40, np.float32))
    made = {way.name: way.model for way in rungs(way_of(served), offered)}
    alone = ["live", "recency", "prior", "follow_ups", "follow_ups_alone"]
    assert list(made) == [*alone, "candidate", "everything"]
    assert made["prior"].prior is offered.prior
    assert made["candidate"] is served
    assert made["everything"] is offered


def test_peers_stand_beside_themselves_without_a_half_life() -> None:
    """Those that learn come last, flat and live; where they have no half-life, once."""
    before = merge_events(events_of(world(users=30)))
    model = builders.model(n_items=len(before.videos), vocabulary=Vocabulary(before.videos))
    learnt_from = wanted(before, np.zeros(len(before), np.bool_))
    for half_life, last in ((2.0, ["item_knn_flat", "item_knn"]), (None, ["item_knn"])):
        settings = PeerSettings(item_knn_half_life=half_life)
        found = peers(("popularity", "item_knn"), learnt_from, learnt_from.codes, settings).ways
        ways = ladder_ways(LeftAlone(way_of(model), before), found)
        order = [way.name for way in ways]
        assert order[:3] == ["popularity", "left_alone", "live"]
        assert order[order.index("candidate") + 1 :] == last
        assert {way.name for way in ways if way.name.startswith("item")} == set(last)


def test_differences_are_paired() -> None:
    """What is worth the same to each user differs by nothing, and all by what they differ."""
    live = np.array([0.0, 1.0, 0.0, 1.0])
    worths = {"live": live, "recency": live, "candidate": live + 0.5}
    users = np.arange(4)
    ruler = Ruler(np.zeros(1, np.int32), np.zeros((1, 1), np.float32), resamples=100)
    found = {rung.name: rung for rung in compared(worths, users, ruler)}
    assert msgspec.structs.astuple(found["recency"].over_live) == (0.0, 0.0, 0.0)
    assert msgspec.structs.astuple(found["candidate"].over_live) == (0.5, 0.5, 0.5)
    assert msgspec.structs.astuple(found["recency"].less_whole) == (-0.5, -0.5, -0.5)
    assert found["live"].figure == intervals(live[:, None], users, resamples=100)[0]
    assert compared({"candidate": np.zeros(0)}, np.zeros(0, np.int64), ruler) == ()


@pytest.fixture(scope="module")
def contest() -> Contest:
    """Give a small world and a model that has every part."""
    past, later = events_of(world(users=60)).split(0.8)
    before = merge_events(past)
    train = TrainSettings(factors=8, iterations=4, threads=1, prior=PriorSettings(weight=0.1))
    learnt_from = training_set(before, train)
    model = freeze(fit(learnt_from.matrix, train).item_factors, learnt_from, train)
    return Contest(model, None, before, later)


def settings_of(**more: Any) -> JudgeSettings:  # noqa: ANN401 - any setting
    return JudgeSettings(protocols=("replay",), resamples=50, **more)


def test_on_all_cases_the_ladder_repeats_the_replay(contest: Contest) -> None:
    """Ways that both judge are worth the same, and every part of the model has its rung."""
    judged = judge(contest, settings_of())
    ladder, (replayed,) = judged.ladder, judged.judgements
    assert ladder is not None
    assert (ladder.cases, ladder.users) == (replayed.cases, replayed.users)
    assert ladder.parts == ("recency", "prior", "follow_ups")
    by_name = {rung.name: rung for rung in ladder.rungs}
    for name in JUDGED_BY_BOTH:
        way = replayed.way(name)
        assert way is not None
        assert by_name[name].figure.mean == way.figures[HIT_RATE].mean
    assert set(words.RUNGS) - set(by_name) == {"everything"}


def test_the_ladder_takes_no_more_cases_than_it_may(contest: Contest) -> None:
    """It looks at the first of the replay's cases, at none of them if it may not."""
    few = judge(contest, settings_of(ladder_cases=7)).ladder
    assert few is not None
    assert few.cases == 7
    replay = settings_of(replay=ReplaySettings(budget=7))
    (replayed,) = judge(contest, replay).judgements
    assert few.rungs[-1].figure == replayed.ways[-1].figures[HIT_RATE]
    assert judge(contest, settings_of(ladder_cases=0)).ladder is None


def test_the_page_shows_the_ladder() -> None:
    """Every rung stands on the night's page with its figure and its differences."""
    report = reports.published()
    assert report.ladder is not None
    text = Page(render(report)).text.partition("What each part brings, user by user")[2]
    for rung in report.ladder.rungs:
        name = words.capital(words.rung(rung.name, report.ladder.parts))
        told = f"{name} {words.figure(HIT_RATE, rung.figure.mean)}"
        assert " ".join(told.split()) in text
        if rung.name != "live":
            assert words.bounds(HIT_RATE, rung.over_live) in text


def test_a_report_from_before_the_ladder_can_be_read() -> None:
    """It has none, and its page does without."""
    plain = msgspec.to_builtins(reports.published())
    del plain["ladder"]
    old = msgspec.json.decode(msgspec.json.encode(plain), type=NightReport)
    assert old.ladder is None
    assert "What each part brings" not in render(old)


def test_the_demo_shows_the_ladder() -> None:
    """Each rung has its figure, and the longest bar is that of the best."""
    ladder = reports.published().ladder
    assert ladder is not None
    console = Console(width=100, record=True, file=StringIO())
    console.print(ladder_page(ladder))
    lines = [line.split("│") for line in console.export_text().splitlines() if line.count("│") > 3]
    bars = {cells[1].strip(): cells[3].count("█") for cells in lines}
    assert max(bars, key=lambda name: bars[name]) == "EASE, live + recency"
    assert [cells[2].strip() for cells in lines] == [f"{r.figure.mean:.3f}" for r in ladder.rungs]
