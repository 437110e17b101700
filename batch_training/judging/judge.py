"""Judge: all ways to make lists, on the same cases; the one door for the night and for people."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from batch_training.judgements import Judgement
from batch_training.judging.bootstrap import RESAMPLES
from batch_training.judging.cases import Cases, make_lists
from batch_training.judging.ladder import climb, ladder_ways
from batch_training.judging.measure import LENGTH, Judged, Ruler
from batch_training.judging.peer_fits import PeerName, PeerSettings, peers, popular
from batch_training.judging.replay import (
    LikedSettings,
    ReplaySettings,
    draw_targets,
    first_likes,
    replay_cases,
)
from batch_training.judging.temporal import TemporalSettings, temporal_cases
from batch_training.judging.unseen import UnseenSettings, are_among, unseen_cases
from batch_training.judging.wanted import wanted
from batch_training.judging.ways import LeftAlone, ModelWay, Way
from batch_training.judging.window import judged_between
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel

Protocol = Literal["replay", "temporal", "unseen"]


class JudgeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the candidate is judged, and beside what.

    Attributes
    ----------
    protocols
        In the order of the judgements.
    peers
        Which of them are run.
    replay, temporal, unseen, liked, peer
        Settings of the parts.
    ladder_cases
        Of the replay's cases, by how many the parts of the candidate are judged; 0 for no ladder.
    resamples
        Of the bootstrap.
    seed
        Of the bootstrap, and of the sketches that say how alike videos are.
    """

    protocols: tuple[Protocol, ...] = ("replay", "temporal", "unseen")
    peers: tuple[PeerName, ...] = ("popularity", "recent_popularity", "item_knn", "ease")
    replay: ReplaySettings = ReplaySettings()
    temporal: TemporalSettings = TemporalSettings()
    unseen: UnseenSettings = UnseenSettings()
    liked: LikedSettings = LikedSettings()
    peer: PeerSettings = PeerSettings()
    ladder_cases: int = 2_000
    resamples: int = RESAMPLES
    seed: int = 0


class Contest(NamedTuple):
    """Who is judged, and by what.

    Attributes
    ----------
    candidate
        Trained on ``before``, without the users of ``unseen``.
    serving
        What it is compared with; None for nothing.
    before
        Histories as the candidate was trained on them.
    later
        What came after; users and videos have the same codes as in ``before``.
    unseen
        Histories of the users that the candidate was not trained on, with the same codes of
        videos; None if there are none. What they did is kept from the peers too.
    """

    candidate: FrozenModel
    serving: FrozenModel | None
    before: Histories
    later: Events
    unseen: Histories | None = None


def judge(
    contest: Contest,
    settings: JudgeSettings,
    blocked_ids: Collection[str] = (),
    on_step: Callable[[int, int], None] = lambda _done, _total: None,
    aside: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Judged:
    """Judge a candidate, the serving model and the peers on the same cases.

    Parameters
    ----------
    blocked_ids
        Videos that must not be listed, beside those that a model blocks itself.
    on_step
        Is told how many lists of each way are made, and how many there will be.
    aside
        Is entered for what is done beside the judging: the peers' fits and lists, and the ladder.
    """
    return _Judge(contest, settings, blocked_ids, aside).judged(on_step)


class _Judge:
    """All that the protocols have in common."""

    def __init__(
        self,
        contest: Contest,
        settings: JudgeSettings,
        blocked_ids: Collection[str],
        aside: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self.contest, self.settings, self.aside = contest, settings, aside
        self.videos = videos = Vocabulary(contest.before.videos)
        models = {"candidate": contest.candidate, "serving": contest.serving}
        self.models = [
            ModelWay.of(name, model, videos, blocked_ids) for name, model in models.items() if model
        ]
        self.listable = np.unique(np.concatenate([way.listable for way in self.models]))
        learnt_from = wanted(contest.before, are_among(contest.before, contest.unseen))
        with aside():
            self.peers = peers(settings.peers, learnt_from, self.listable, settings.peer)
        self.left_alone = LeftAlone(self.models[0], contest.before)
        popularity = learnt_from.popularity
        order = popular("", learnt_from.codes, popularity, self.listable).order
        sketches = learnt_from.sketches(len(videos), settings.seed)
        self.ruler = Ruler(order, sketches, settings.seed, settings.resamples)

    def judged(self, on_step: Callable[[int, int], None]) -> Judged:
        """Run the protocols one after the other."""
        cases = {protocol: self._cases(protocol) for protocol in self.settings.protocols}
        some = self._some_replayed()
        total, done = sum(map(len, [*cases.values(), some or ()])), 0

        def on_lists(more: int) -> None:
            nonlocal done
            done += more
            on_step(done, total)

        judgements, judged = [], Judged((), (), {})
        for protocol, its_cases in cases.items():
            ways = self._ways(protocol)
            lists = make_lists(ways, its_cases, self.videos, LENGTH, on_lists, self._during)
            worths = {name: self.ruler.worth(made, its_cases) for name, made in lists.items()}
            judgements.append(self._judgement(protocol, its_cases, lists, worths))
            if protocol == "replay":
                judged = self._more(its_cases, lists, worths)
        if some:
            with self.aside():
                ways = ladder_ways(self.left_alone, self.peers.ways)
                ladder = climb(ways, some, self.videos, self.ruler, on_lists=on_lists)
            judged = judged._replace(ladder=ladder)
        return judged._replace(judgements=tuple(judgements))

    def _cases(self, protocol: Protocol) -> Cases:
        before, later, s = self.contest.before, self.contest.later, self.settings
        if protocol == "unseen":
            return unseen_cases(self._unseen(), self.listable, s.unseen)
        if protocol == "temporal":
            return temporal_cases(before, later, self._first_likes, s.temporal)
        return self._replayed(s.replay)

    def _unseen(self) -> Histories:
        before = self.contest.before
        return self.contest.unseen or before.take(np.zeros(len(before), np.bool_))

    @cached_property
    def _first_likes(self) -> NDArray[np.int64]:
        return first_likes(self.contest.later, self.listable, self.settings.liked)

    def _replayed(self, settings: ReplaySettings) -> Cases:
        candidate, _, before, later, _ = self.contest
        targets = draw_targets(before, later, self._first_likes, settings)
        return replay_cases(before, later, targets, candidate.history_limit)

    def _some_replayed(self) -> Cases | None:
        """Draw the first of the replay's cases anew, for the ladder."""
        s = self.settings
        most = min(s.ladder_cases, s.replay.budget or s.ladder_cases)
        if "replay" not in s.protocols or not most:
            return None
        return self._replayed(msgspec.structs.replace(s.replay, budget=most))

    def _ways(self, protocol: Protocol) -> list[Way]:
        if protocol == "unseen":
            return [way.flat for way in (self.models[0], *self.peers.ways)]
        return [*self.models, self.left_alone, *self.peers.ways]

    def _during(self, way: Way) -> AbstractContextManager[object]:
        """Enter this while the way makes lists."""
        names = {peer.name for peer in self.peers.ways}
        return self.aside() if way.name in names else nullcontext()

    def _judgement(
        self,
        protocol: Protocol,
        cases: Cases,
        lists: dict[str, NDArray[np.int32]],
        worths: dict[str, NDArray[np.float64]],
    ) -> Judgement:
        left_out = self.peers.left_out
        if protocol == "unseen" and self.contest.serving:
            left_out = left_out | {"serving": "it may have been trained on these users"}
        unseen = self._unseen() if protocol == "unseen" else None
        from_at, to_at = judged_between(self.contest.later, unseen)
        return Judgement(
            protocol=protocol,
            from_at=from_at,
            to_at=to_at,
            cases=len(cases),
            users=len(np.unique(cases.users)),
            ways=self.ruler.qualities(lists, worths, cases.users) if len(cases) else (),
            left_out=left_out,
        )

    def _more(
        self,
        cases: Cases,
        lists: dict[str, NDArray[np.int32]],
        worths: dict[str, NDArray[np.float64]],
    ) -> Judged:
        """Tell more of the replay."""
        known = self.contest.before.lengths[cases.users]
        by_activity = self.ruler.by_activity(worths, cases.users, known)
        return Judged((), by_activity, self.ruler.curves(lists))
