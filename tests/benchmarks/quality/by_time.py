"""By time: the replay and the split by time, learnt from the first 90 % of the events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.ladder import LIVE, WHOLE, climb, ladder_ways
from batch_training.judging.measure import Ruler
from batch_training.judging.peer_fits import PeerSettings, peers
from batch_training.judging.replay import (
    LikedSettings,
    ReplaySettings,
    draw_targets,
    first_likes,
    replay_cases,
)
from batch_training.judging.temporal import TemporalSettings, temporal_cases
from batch_training.judging.wanted import wanted
from batch_training.judging.ways import LeftAlone, ModelWay
from batch_training.merging.histories import merge_events
from batch_training.report import words
from batch_training.training.defaults import for_data
from batch_training.training.settings import FollowUpSettings, PriorSettings, TrainSettings
from batch_training.training.train import freeze
from data.confidence import ConfidenceParameters
from data.user_history import DEFAULT_LIMIT
from data.vocabulary import Vocabulary
from tests.benchmarks.quality.costs import ROUNDS, Clock, costs_of, learn
from tests.benchmarks.quality.found import Cost, Found, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_training.events import Events
    from batch_training.judgements import Ladder
    from batch_training.judging.cases import Cases
    from batch_training.judging.judge import Protocol
    from batch_training.judging.peer_fits import PeerName
    from batch_training.judging.ways import Way
    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel

SHARE: Final = 0.9
PEERS: Final[tuple[PeerName, ...]] = ("popularity", "recent_popularity", "item_knn", "ease")
# What `upnext tune --protocol temporal --trials 50` found on all of MovieLens-1M: by the window
# before the one that is reported on, when the width of the follow-ups was no parameter yet.
TEMPORAL: Final = TrainSettings(
    factors=32,
    iterations=20,
    regularization=125.9,
    confidence=ConfidenceParameters(
        alpha=15.65, half_life=None, rating_weights=(0.2, 0.2, 0.5901, 1.0, 1.4099)
    ),
    prior=PriorSettings(weight=2.465, half_life_days=1.091),
    follow_ups=FollowUpSettings(weight=0.0),
)
# The best of 50 trials each on the same window; item-kNN's are the best of all trials of three
# draws, as its grid was widened twice, which leans towards it.
REPLAY_PEERS: Final = PeerSettings(neighbours=1_600)
TEMPORAL_PEERS: Final = PeerSettings(
    neighbours=10,
    shrinkage=10_000.0,
    item_knn_half_life=3.0,
    ease_ridge=32_000.0,
    ease_half_life=100.0,
)
# What a part is measured with that the settings leave off.
OFFERED: Final = TrainSettings(
    confidence=ConfidenceParameters(half_life=20.0),
    prior=PriorSettings(weight=0.1),
    follow_ups=FollowUpSettings(weight=1.0),
)


class Asked(NamedTuple):
    """One protocol, with the settings that it is measured with.

    Attributes
    ----------
    train
        None for what the night has by default.
    base
        What the factors alone are called, to which the parts are added.
    """

    protocol: Protocol
    title: str
    metric: str
    train: TrainSettings | None
    peers: PeerSettings
    base: str


REPLAYED: Final = Asked(
    "replay",
    "Replay: {cases:,} events with 4 stars or more, of {users:,} users",
    "hit_rate@10",
    None,
    REPLAY_PEERS,
    "live",
)
AT_ONCE: Final = Asked(
    "temporal",
    "Split by time: one list for each of {users:,} users",
    "ndcg@10",
    TEMPORAL,
    TEMPORAL_PEERS,
    "factors",
)
# No list of the split by time follows anything, so all are as last night left them.
AT_THE_CUT: Final = {
    "live": "factors alone",
    "item_knn_flat": "item-kNN",
    "ease_flat": "EASE",
}


def by_time(
    events: Events, asked: Asked, say: Callable[[str], None], rounds: int = ROUNDS
) -> Found:
    """Learn from the older events, and judge each part by all newer ones."""
    past, later = events.split(SHARE)
    before, videos = merge_events(past), Vocabulary(events.videos)
    say(f"{asked.protocol}: train and fit the peers ...")
    clock, train = Clock(), asked.train or for_data(before)
    everything = _trained(before, train, clock)
    served = ModelWay.of("candidate", only_with(everything, train), videos, ())
    others = _peers(before, served, asked.peers, clock)
    ways = ladder_ways(LeftAlone(served, before), others, everything)
    say(f"{asked.protocol}: judge {len(ways)} ways ...")
    ruler = Ruler(served.listable, np.zeros((len(videos), 1), np.float32))
    cases = _cases(asked.protocol, before, later, served)
    if asked.protocol == "temporal":
        ways = [way for way in ways if way.name != "left_alone"]
    ladder = climb(ways, cases, videos, ruler, asked.metric)
    say(f"{asked.protocol}: measure what they cost ...")
    return _found(asked, train, ladder, costs_of(ways, before, clock, rounds))


def _trained(before: Histories, train: TrainSettings, clock: Clock) -> FrozenModel:
    """Fit once, with all parts; those that the settings leave off as `OFFERED` has them."""
    half_life = train.confidence.half_life or OFFERED.confidence.half_life
    settings = msgspec.structs.replace(
        train,
        confidence=msgspec.structs.replace(train.confidence, half_life=half_life),
        prior=train.prior if train.prior.weight else OFFERED.prior,
        follow_ups=train.follow_ups if train.follow_ups.weight else OFFERED.follow_ups,
    )
    learnt_from, factors = learn(before, settings, clock)
    return freeze(factors, learnt_from, settings)


def only_with(everything: FrozenModel, train: TrainSettings) -> FrozenModel:
    """Keep the parts that the settings have on."""
    return replace(
        everything,
        confidence=train.confidence,
        prior=everything.prior if train.prior.weight else np.zeros_like(everything.prior),
        follow_ups=everything.follow_ups if train.follow_ups.weight else None,
    )


def _peers(before: Histories, served: ModelWay, settings: PeerSettings, clock: Clock) -> list[Way]:
    learnt_from = wanted(before, np.zeros(len(before), np.bool_))
    ways: list[Way] = []
    for name in PEERS:
        with clock.timed(name):
            ways += peers((name,), learnt_from, served.listable, settings).ways
    return ways


def _cases(protocol: Protocol, before: Histories, later: Events, served: ModelWay) -> Cases:
    """Take all events, or all users, of the test window."""
    first = first_likes(later, served.listable, LikedSettings())
    if protocol == "temporal":
        return temporal_cases(before, later, first, TemporalSettings(users=None))
    targets = draw_targets(before, later, first, ReplaySettings(budget=None))
    return replay_cases(before, later, targets, DEFAULT_LIMIT)


def _found(asked: Asked, train: TrainSettings, ladder: Ladder, costs: dict[str, Cost]) -> Found:
    """Tell it as the page does."""
    rows = [
        Row(
            rung.name,
            _name(asked, rung.name, ladder),
            rung.figure,
            {
                f"more than {asked.base}": None if rung.name == LIVE else rung.over_live,
                "against the model": None if rung.name == WHOLE else rung.less_whole,
            },
            costs.get(rung.name, Cost()),
        )
        for rung in ladder.rungs
    ]
    title = asked.title.format(cases=ladder.cases, users=ladder.users)
    settings = f"{named(train)}; {peers_named(asked.peers)}"
    return Found(asked.protocol, title, settings, words.metric(asked.metric).name, rows)


def _name(asked: Asked, key: str, ladder: Ladder) -> str:
    name = words.rung(key, ladder.parts)
    if asked.protocol == "temporal":
        name = AT_THE_CUT.get(key, name.replace(", live", "").replace("live", asked.base))
    return words.capital(name)


def named(train: TrainSettings) -> str:
    """Write the settings of a model."""
    c, p, f = train.confidence, train.prior, train.follow_ups
    parts = [
        f"{train.factors} factors, {train.iterations} iterations, λ {train.regularization:g}",
        f"α {c.alpha:g}, stars {c.rating_weights}, half-life {c.half_life or 'off'}",
        _prior_named(p) if p.weight else "prior off",
        _follow_ups_named(f) if f.weight else "follow-ups off",
    ]
    return "; ".join(parts)


def _prior_named(p: PriorSettings) -> str:
    days = f"{p.half_life_days:g} days" if p.half_life_days else "out of the data"
    return f"prior {p.weight:g} with half-life {days}"


def _follow_ups_named(f: FollowUpSettings) -> str:
    return (
        f"follow-ups {f.weight:g} with half-life {f.half_life:g}, window {f.window}, width "
        f"{f.width}, shrinkage {f.shrinkage:g}, discount {f.discount:g}"
    )


def peers_named(p: PeerSettings) -> str:
    """Write the settings of the peers."""
    return (
        f"item-kNN with {p.neighbours} neighbours, shrinkage {p.shrinkage:g}, half-life "
        f"{p.item_knn_half_life or 'off'}; EASE with λ {p.ease_ridge:g}, half-life "
        f"{p.ease_half_life or 'off'}"
    )
