"""Bench: lists of a validation window, drawn once, by which all settings of a search are judged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batch_training.judging import metrics
from batch_training.judging.measure import TOP, are_relevant
from batch_training.judging.replay import (
    LikedSettings,
    ReplaySettings,
    draw_targets,
    first_likes,
    replay_cases,
)
from batch_training.judging.temporal import TemporalSettings, temporal_cases
from batch_training.judging.unseen import UnseenSettings, choose_unseen, unseen_cases
from batch_training.judging.ways import Asked
from batch_training.merging.histories import gather
from batch_training.tuning.errors import TooLittleError
from data.confidence import is_wanted
from data.scoring import Ragged
from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from batch_training.events import Events
    from batch_training.judging.cases import Cases
    from batch_training.judging.judge import Protocol
    from batch_training.judging.ways import ModelWay
    from batch_training.merging.histories import Histories
    from batch_training.night_settings import NightSettings
    from batch_training.reading.spool import Spool
    from data.catalogue import Catalogue
    from data.user_history import UserHistory

PARTS: Final = 8
LEAST: Final = 100  # lists: fewer say nothing of settings
_MOST: Final = 12_000
_MOST_ROWS: Final = 1 << 22  # of all histories together, which take 400 MB then
_OTHER_DRAW: Final = 1  # added to the seed: not the users by whom a night judges


class Part(NamedTuple):
    """Some of the lists to be made.

    Attributes
    ----------
    users
        Shape (n,): code of the user of each list.
    histories
        What is known of each.
    relevant
        Codes of the videos that each list should hold.
    """

    users: NDArray[np.int64]
    histories: list[UserHistory]
    relevant: Ragged


@dataclass(frozen=True, eq=False)
class Bench:
    """What settings are judged by.

    Attributes
    ----------
    protocol
        What a list is, and how it is measured: by HR@10 in the replay, by NDCG@10 in the split by
        time, by NDCG@100 for unseen users.
    before
        What the models are trained on.
    without
        Shape (n_users,): users whom they are not trained on.
    parts
        The lists to be made, at random in parts of about the same size.
    from_at, to_at
        When it happened what they are judged by, in ms UTC.
    durations
        As for `batch_training.training.train.training_set`.
    """

    protocol: Protocol
    before: Histories
    without: NDArray[np.bool_]
    parts: tuple[Part, ...]
    from_at: int
    to_at: int
    durations: NDArray[np.float64] | None = None

    @property
    def users(self) -> NDArray[np.int64]:
        """Whose each list is, in the order of the parts."""
        return np.concatenate([part.users for part in self.parts])

    @property
    def metric(self) -> str:
        """What the lists are measured by, for people."""
        return {"replay": "HR@10", "temporal": "NDCG@10", "unseen": "NDCG@100"}[self.protocol]

    @property
    def length(self) -> int:
        """Places of a list that count."""
        return 100 if self.protocol == "unseen" else TOP

    @cached_property
    def videos(self) -> Vocabulary:
        """Id of each code."""
        return Vocabulary(self.before.videos)

    def worth(self, part: Part, way: ModelWay) -> NDArray[np.float64]:
        """Measure the lists that a model makes for a part, shape (n,)."""
        asked = Asked(part.users, part.histories, self.videos)
        lists = way.lists(asked, self.length)
        hits = are_relevant(lists, part.relevant, len(self.before.videos))
        if self.protocol == "replay":
            return metrics.hit(hits)
        return metrics.ndcg(hits, np.diff(part.relevant.ends, prepend=0))

    def digest(self) -> str:
        """Give 16 hex digits that other data, or other lists, don't have."""
        known = hashlib.sha256(self.protocol.encode())
        b = self.before
        for array in (b.ends, b.video, b.states, self.without, self.durations):
            known.update(b"" if array is None else array.tobytes())
        for part in self.parts:
            known.update(part.users.tobytes() + part.relevant.rows.tobytes())
        return known.hexdigest()[:16]


def set_up(
    spool: Spool, settings: NightSettings, protocol: Protocol, catalogue: Catalogue | None = None
) -> Bench:
    """Draw the lists to be made.

    The newest events, by which a night judges, are not looked at. Of what is before them, the
    newest part of the same share judges here, and the rest is trained on. Unseen users are drawn
    from all that is before.

    Parameters
    ----------
    catalogue
        For the durations of the videos; blocked ones are never listed by a night, but are here.

    Raises
    ------
    batch_training.tuning.errors.TooLittleError
        If hardly a list could be judged.
    """
    if not len(spool):
        raise TooLittleError("There is no event that could be used.")
    share = settings.judged_share
    end_at = spool.cut_at(share)
    cut_at = end_at if protocol == "unseen" else spool.cut_at(share**2)
    before, later = gather(spool, cut_at, settings.history_limit, settings.seed)
    later = later.take(later.at < end_at)
    unseen = UnseenSettings(seed=settings.seed + _OTHER_DRAW)
    without = choose_unseen(before, unseen) & (protocol == "unseen")
    listable = _listable(before, without, settings.min_support)
    if protocol == "unseen":
        held_out = before.take(without)
        cases = unseen_cases(held_out, listable, unseen)
    else:
        cases = _cases(before, later, listable, protocol, settings)
    if len(cases) < LEAST:
        raise TooLittleError(_too_little(len(cases), protocol))
    at = before.states["latest"] if protocol == "unseen" else later.at
    parts = _parts(cases, settings.seed)
    durations = catalogue.durations(before.videos) if catalogue else None
    return Bench(protocol, before, without, parts, int(at.min()), int(at.max()), durations)


def _listable(before: Histories, without: NDArray[np.bool_], min_support: int) -> NDArray[np.int32]:
    """Find the videos that every model of these histories knows."""
    which = is_wanted(before.states) & ~np.repeat(without, before.lengths)
    support = np.bincount(before.video[which], minlength=len(before.videos))
    return np.flatnonzero(support >= max(1, min_support)).astype(np.int32)


def _cases(
    before: Histories,
    later: Events,
    listable: NDArray[np.int32],
    protocol: Protocol,
    settings: NightSettings,
) -> Cases:
    """Draw the cases of a protocol that knows time."""
    first = first_likes(later, listable, LikedSettings())
    longest = float(before.lengths[later.user[first]].mean()) if len(first) else 1.0
    most = max(LEAST, min(_MOST, int(_MOST_ROWS / max(longest, 1.0))))
    if protocol == "temporal":
        drawn = TemporalSettings(users=most, seed=settings.seed)
        return temporal_cases(before, later, first, drawn)
    targets = draw_targets(before, later, first, ReplaySettings(budget=most, seed=settings.seed))
    return replay_cases(before, later, targets, settings.history_limit)


def _parts(cases: Cases, seed: int) -> tuple[Part, ...]:
    """Throw the cases into parts."""
    number = np.random.default_rng(seed).permutation(np.arange(len(cases)) % PARTS)
    histories = list(cases.histories)
    slices = cases.relevant.slices()
    parts = []
    for part in range(PARTS):
        chosen = np.flatnonzero(number == part).tolist()
        relevant = [cases.relevant.rows[slices[case]] for case in chosen]
        ends = np.cumsum([len(rows) for rows in relevant])
        of_part = [histories[case] for case in chosen]
        parts.append(Part(cases.users[chosen], of_part, Ragged(ends, np.concatenate(relevant))))
    return tuple(parts)


def _too_little(lists: int, protocol: Protocol) -> str:
    """Say what is missing."""
    what = {
        "replay": "times somebody took to a video that was new to them",
        "temporal": "users took to a video that was new to them",
        "unseen": "users could be held out",
    }[protocol]
    window = "" if protocol == "unseen" else " in the window that judges the settings"
    return (
        f"Only {lists} {what}{window}; a search needs at least {LEAST}. Give it more data, or "
        "train with the defaults."
    )
