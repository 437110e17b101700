"""The judge puts all ways side by side, on the same cases."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from batch_training.judging.judge import Contest, judge
from batch_training.judging.measure import METRICS
from batch_training.judging.peer_fits import PeerSettings
from tests.builders import NOW_MS, event
from tests.unit.contests import EVERYBODY, REPLAY, SETTINGS, contest, figures
from tests.unit.nights import renamed, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def small() -> Contest:
    """Give a world in which taste shows, with few enough rows to be quick."""
    return contest(world(users=80))


def test_what_is_done_beside_the_judging_is_done_aside(small: Contest) -> None:
    """The peers' fits are one piece, the lists of each for a batch, and the ladder; no others."""
    entered: list[str] = []

    @contextmanager
    def aside() -> Iterator[None]:
        entered.append("once more")
        yield

    judged = judge(small, SETTINGS, aside=aside)
    batches = sum(-(-found.cases // 256) for found in judged.judgements)
    assert len(entered) == 2 + len(EVERYBODY[2:]) * batches


def test_every_protocol_judges_every_way(small: Contest) -> None:
    """All metrics of all ways are there with their bounds, the candidate first."""
    told: list[tuple[int, int]] = []
    judged = judge(small, SETTINGS, (), lambda *step: told.append(step))
    assert [found.protocol for found in judged.judgements] == ["replay", "temporal", "unseen"]
    for found in judged.judgements:
        expected = [way for way in EVERYBODY if found.protocol != "unseen" or way != "left_alone"]
        assert [way.name for way in found.ways] == expected
        assert 0 < found.users <= found.cases
        assert found.from_at <= found.to_at <= NOW_MS
        assert found.left_out == {}
        for way in found.ways:
            assert set(way.figures) == {*METRICS, "coverage@10", "gini@10"}
            assert set(way.less_candidate) == (
                set(way.figures) if way.name != "candidate" else set()
            )
            for value in way.figures.values():
                assert value.low <= value.mean <= value.high
    assert judged.ladder is not None
    assert told[-1] == (judged.ladder.cases + sum(found.cases for found in judged.judgements),) * 2


def test_taste_shows_in_every_protocol(small: Contest) -> None:
    """Where users have a group of videos, whoever learns from them beats popularity for certain."""
    for found in judge(small, SETTINGS).judgements:
        popularity = found.way("popularity")
        assert popularity is not None
        assert popularity.less_candidate["hit_rate@10"].high < 0
        assert popularity.less_candidate["ndcg@100"].high < 0
        assert popularity.less_candidate["gini@10"].low > 0
        assert popularity.less_candidate["coverage@10"].high < 0


def test_names_do_not_change_the_figures() -> None:
    """With other ids for users and videos every figure of every way is the same."""
    rows = world(users=50)
    one, other = (judge(contest(given), SETTINGS) for given in (rows, renamed(rows)))
    assert one == other


def test_blocked_videos_are_nowhere(small: Contest) -> None:
    """What the catalogue blocks is no target, in no list, and no part of the catalogue."""
    blocked = [video for video in small.before.videos if int(video[1:]) % 2]
    free, half = (judge(small, REPLAY, ids).judgements[0] for ids in ((), blocked))
    assert 0.3 < half.cases / free.cases < 0.7
    for way in half.ways:
        assert way.figures["coverage@10"].mean <= 1.0
    liked = small.later.rating >= 4
    last = small.before.videos[np.bincount(small.later.video[liked]).argmax()]
    alone = judge(small, REPLAY, set(small.before.videos) - {last}).judgements[0]
    assert alone.cases > 0
    assert {way.figures["mrr@10"].mean for way in alone.ways} == {1.0}


def test_groups_by_activity_are_parts_of_the_whole(small: Contest) -> None:
    """Groups hold all users of the replay; the hit rate of all lies between theirs."""
    rows = world(users=60) + [
        event(f"v{n}", "like", NOW_MS - n, user=f"new{n % 5}") for n in range(40)
    ]
    given = contest(rows)
    judged = judge(given, REPLAY)
    groups = {group.label: group for group in judged.by_activity}
    assert list(groups) == ["0 videos", "10–49 videos"]
    assert sum(group.users for group in groups.values()) == judged.judgements[0].users
    for way in judged.judgements[0].ways:
        means = [group.hit_rate[way.name].mean for group in groups.values()]
        assert min(means) <= way.figures["hit_rate@10"].mean <= max(means)


def test_curves_rise_to_one(small: Contest) -> None:
    """Each way has a curve of 100 shares; popularity's stands above everybody's."""
    curves = judge(small, REPLAY).popularity_curve
    assert list(curves) == EVERYBODY
    for curve in curves.values():
        assert len(curve) == 100
        assert list(curve) == sorted(curve)
        assert curve[-1] == pytest.approx(1.0)
        assert curve[9] <= curves["popularity"][9] + 1e-9


def test_nothing_to_judge_by_gives_no_ways(small: Contest) -> None:
    """Without later events and unseen users there are protocols, but no cases and no ways."""
    nothing = small._replace(later=small.later.take(slice(0)), unseen=None)
    judged = judge(nothing, SETTINGS)
    assert [(found.cases, found.users, found.ways) for found in judged.judgements] == [
        (0, 0, ())
    ] * 3
    assert judged.by_activity == ()


def test_peers_are_a_matter_of_choice(small: Contest) -> None:
    """Only the peers that are asked for are run."""
    settings = msgspec.structs.replace(REPLAY, peers=("popularity",))
    ways = judge(small, settings).judgements[0].ways
    assert [way.name for way in ways] == ["candidate", "left_alone", "popularity"]


def test_peers_know_nothing_of_the_unseen(small: Contest) -> None:
    """What unseen users did is kept from the peers: with one more of them figures change."""
    settings = msgspec.structs.replace(REPLAY, peers=("popularity", "item_knn"))
    found = figures(judge(small, settings).judgements[0])
    other = figures(judge(small._replace(unseen=None), settings).judgements[0])
    assert found["candidate"]["mrr@10"] == other["candidate"]["mrr@10"]
    assert found["item_knn"]["mrr@10"] != other["item_knn"]["mrr@10"]


def test_unseen_users_know_no_order(small: Contest) -> None:
    """No way has a half-life for unseen users, so other half-lives change nothing."""
    settings = msgspec.structs.replace(SETTINGS, protocols=("unseen",))
    peer = PeerSettings(item_knn_half_life=0.5, ease_half_life=0.5)
    other = msgspec.structs.replace(settings, peer=peer)
    confidence = msgspec.structs.replace(small.candidate.confidence, half_life=0.5)
    faster = small._replace(candidate=replace(small.candidate, confidence=confidence))
    found = judge(small, settings).judgements
    assert judge(faster, other).judgements == found
    assert found[0].cases > 0
