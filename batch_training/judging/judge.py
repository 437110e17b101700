"""Judge: all ways to make lists, on the same cases; the one door for the night and for people."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.bootstrap import RESAMPLES
from batch_training.judging.cases import Cases, make_lists
from batch_training.judging.measure import LENGTH, TOP, Ruler
from batch_training.judging.metrics import popularity_curve
from batch_training.judging.peer_fits import PeerName, PeerSettings, peers, popular
from batch_training.judging.replay import (
    LikedSettings,
    ReplaySettings,
    draw_targets,
    first_likes,
    replay_cases,
)
from batch_training.judging.temporal import TemporalSettings, temporal_cases
from batch_training.judging.unseen import UnseenSettings, unseen_cases
from batch_training.judging.wanted import wanted
from batch_training.judging.ways import LeftAlone, ModelWay, Way
from batch_training.night_report import ActivityGroup, Judgement
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


class Judged(NamedTuple):
    """What came of it.

    Attributes
    ----------
    judgements
        One for each protocol. A protocol without cases has no ways.
    by_activity, popularity_curve
        Of the replay, see `batch_training.night_report.NightReport`.
    """

    judgements: tuple[Judgement, ...]
    by_activity: tuple[ActivityGroup, ...]
    popularity_curve: dict[str, tuple[float, ...]]


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
        Is entered for what is done for the peers alone: their fits and their lists.
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
        learnt_from = wanted(contest.before, self._unseen_users())
        with aside():
            self.peers = peers(settings.peers, learnt_from, self.listable, settings.peer)
        self.left_alone = LeftAlone(self.models[0], contest.before)
        popularity = learnt_from.popularity
        order = popular("", learnt_from.codes, popularity, self.listable).order
        sketches = learnt_from.sketches(len(videos), settings.seed)
        self.ruler = Ruler(order, sketches, settings.seed, settings.resamples)

    def _unseen_users(self) -> NDArray[np.bool_]:
        """Find the unseen among all users."""
        users, unseen = self.contest.before.users, self.contest.unseen
        ids = set(unseen.users) if unseen else set()
        return np.fromiter((user in ids for user in users), np.bool_, len(users))

    def judged(self, on_step: Callable[[int, int], None]) -> Judged:
        """Run the protocols one after the other."""
        cases = {protocol: self._cases(protocol) for protocol in self.settings.protocols}
        total, done = sum(map(len, cases.values())), 0

        def on_lists(more: int) -> None:
            nonlocal done
            done += more
            on_step(done, total)

        judgements = []
        judged = Judged((), (), {})
        for protocol, its_cases in cases.items():
            ways = self._ways(protocol)
            lists = make_lists(ways, its_cases, self.videos, LENGTH, on_lists, self._during)
            worths = {name: self.ruler.worth(made, its_cases) for name, made in lists.items()}
            judgements.append(self._judgement(protocol, its_cases, lists, worths))
            if protocol == "replay":
                judged = self._more(its_cases, lists, worths)
        return judged._replace(judgements=tuple(judgements))

    def _cases(self, protocol: Protocol) -> Cases:
        before, later, s = self.contest.before, self.contest.later, self.settings
        if protocol == "unseen":
            unseen = self.contest.unseen or before.take(np.zeros(len(before), np.bool_))
            return unseen_cases(unseen, self.listable, s.unseen)
        first = first_likes(later, self.listable, s.liked)
        if protocol == "temporal":
            return temporal_cases(before, later, first, s.temporal)
        targets = draw_targets(before, later, first, s.replay)
        return replay_cases(before, later, targets, self.contest.candidate.history_limit)

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
        from_at, to_at = self._window(protocol)
        return Judgement(
            protocol=protocol,
            from_at=from_at,
            to_at=to_at,
            cases=len(cases),
            users=len(np.unique(cases.users)),
            ways=self.ruler.qualities(lists, worths, cases.users) if len(cases) else (),
            left_out=left_out,
        )

    def _window(self, protocol: Protocol) -> tuple[int, int]:
        """Say when what is judged by happened, in ms UTC; zeros for nothing."""
        unseen, later = self.contest.unseen, self.contest.later
        if protocol != "unseen":
            return (int(later.at[0]), int(later.at[-1])) if len(later) else (0, 0)
        if unseen is None or not len(unseen.video):
            return 0, 0
        return int(unseen.states["earliest"].min()), int(unseen.states["latest"].max())

    def _more(
        self,
        cases: Cases,
        lists: dict[str, NDArray[np.int32]],
        worths: dict[str, NDArray[np.float64]],
    ) -> Judged:
        """Tell more of the replay."""
        known = self.contest.before.lengths[cases.users]
        curves = {
            name: tuple(popularity_curve(made[:, :TOP], self.ruler.order).tolist())
            for name, made in lists.items()
        }
        return Judged((), self.ruler.by_activity(worths, cases.users, known), curves)
