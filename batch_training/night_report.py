"""NightReport: all that a night has to tell, in plain numbers and words; the page is drawn from it.

It travels as JSON: beside the model in Redis, and in the night's folder, also when the night was
refused. Times are ms UTC, durations seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["published", "dry run", "refused", "refused for its data", "locked", "fault"]


class Interval(msgspec.Struct, frozen=True):
    """A mean with the bounds of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How good one way to make lists is.

    Attributes
    ----------
    name
        Key: ``candidate``, ``serving``, ``left_alone``, ``popularity``, ``recent_popularity``,
        ``item_knn`` or ``ease``.
    figures
        By metric, such as ``hit_rate@10``.
    less_candidate
        The same metrics, this way's minus the candidate's, paired user by user.
    """

    name: str
    figures: dict[str, Interval]
    less_candidate: dict[str, Interval] = {}


class ActivityGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Quality for users of whom the night knew so many videos.

    Attributes
    ----------
    label
        For people, such as ``10–49 videos``.
    users
        How many users the figures rest on.
    hit_rate
        ``hit_rate@10`` by the name of a `Quality`.
    """

    label: str
    users: int
    hit_rate: dict[str, Interval]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one protocol found.

    Attributes
    ----------
    protocol
        ``replay``, ``temporal`` or ``unseen``.
    from_at, to_at
        The window that it looked at.
    cases, users
        How many lists were judged (for the replay: events), of how many users.
    ways
        The candidate first.
    left_out
        Peers that were not run, and why.
    """

    protocol: Literal["replay", "temporal", "unseen"]
    from_at: int
    to_at: int
    cases: int
    users: int
    ways: tuple[Quality, ...]
    left_out: dict[str, str] = {}

    def way(self, name: str) -> Quality | None:
        """Find a way to make lists by its name."""
        return next((way for way in self.ways if way.name == name), None)


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One way of a ladder.

    Attributes
    ----------
    name
        Of a `Quality`, or ``live`` (the factors alone), ``recency``, ``prior`` and ``follow_ups``
        (each alone on top of them), ``follow_ups_alone`` (without the factors), ``everything``,
        ``item_knn_flat`` and ``ease_flat`` (without a half-life).
    figure
        What it is worth.
    over_live, less_whole
        What it is worth more than the factors alone, and than the candidate; paired.
    """

    name: str
    figure: Interval
    over_live: Interval
    less_whole: Interval


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """What each part of the candidate brings, from the simplest way on.

    Attributes
    ----------
    metric
        What is measured, such as ``hit_rate@10``.
    cases, users
        How many lists of each way, of how many users.
    parts
        Of ``recency``, ``prior`` and ``follow_ups``, those that the candidate has.
    """

    metric: str
    cases: int
    users: int
    parts: tuple[str, ...]
    rungs: tuple[Rung, ...]


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the night learnt from; a later night compares itself with it.

    Attributes
    ----------
    rows, events
        Rows of the input, and those of them that could be used.
    pairs
        Distinct (user, video).
    kinds
        Events by kind.
    watch_ratio
        Its 10 %, 50 % and 90 % quantiles; empty when nothing was watched.
    dropped
        Rows that could not be used, by reason.
    left_out
        What could be used and was left out all the same, such as bots, by reason.
    fingerprint
        Digest of all used events, in any order.
    """

    rows: int
    events: int
    users: int
    videos: int
    pairs: int
    oldest_at: int
    newest_at: int
    kinds: dict[str, int]
    watch_ratio: tuple[float, ...]
    dropped: dict[str, int]
    left_out: dict[str, int]
    fingerprint: str


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """How a fit went.

    Attributes
    ----------
    device
        ``cpu``, or the name of the GPU.
    loss, probe
        (iteration, value) every few iterations; the probe is a hit rate on a few later events.
    """

    device: str
    factors: int
    iterations: int
    stopped_early: bool
    loss: tuple[tuple[int, float], ...]
    probe: tuple[tuple[int, float], ...]


class StageFacts(msgspec.Struct, frozen=True):
    """What a stage took.

    Attributes
    ----------
    seconds, cpu_s
        Wall time, and CPU time of all threads.
    peak_mib
        Greatest memory of the process while it ran.
    """

    name: str
    seconds: float
    peak_mib: float
    cpu_s: float = 0.0


class SampleUser(msgspec.Struct, frozen=True, kw_only=True):
    """One user for people to look at; titles, newest and best first."""

    user: str
    watched: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


class GateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found.

    Attributes
    ----------
    compared_with
        How the serving model was judged, in a sentence.
    reasons
        Why the candidate is refused; empty when it passed.
    forced_by, forced_why
        Who published it all the same, and why.
    """

    compared_with: str
    reasons: tuple[str, ...]
    forced_by: str = ""
    forced_why: str = ""


class NightReport(msgspec.Struct, kw_only=True):
    """All that a night has to tell.

    Attributes
    ----------
    verdict, reasons
        What came of it, and why in sentences; the reasons name numbers.
    unusual
        Sentences on what a person should look at although nothing failed.
    version, parent
        What was published, and what was served before; empty for none.
    last
        Facts on the data of the night before; None on the first night.
    last_hit_rate
        ``hit_rate@10`` that the serving model's own night measured.
    examples
        The first rejected rows, by reason, as sentences with file and row.
    ladder
        Of some of the replay's cases; None where it was not measured.
    popularity_curve
        By way: share of all places in the lists that go to the most popular 1 %, 2 %, ...
        100 % of the videos; 100 numbers each.
    training
        The judged fit and the fit on everything.
    refreshed
        Users by outcome of the refresh: ``written``, ``unchanged``; empty without one.
    """

    started_at: int
    seconds: float = 0.0
    verdict: Verdict = "fault"
    reasons: tuple[str, ...] = ()
    unusual: tuple[str, ...] = ()
    version: str = ""
    parent: str = ""
    data: DataFacts | None = None
    last: DataFacts | None = None
    last_hit_rate: float | None = None
    examples: dict[str, tuple[str, ...]] = {}
    quarantine: str = ""
    training: tuple[Training, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    gate: GateFacts | None = None
    ladder: Ladder | None = None
    by_activity: tuple[ActivityGroup, ...] = ()
    popularity_curve: dict[str, tuple[float, ...]] = {}
    stages: tuple[StageFacts, ...] = ()
    sample_users: tuple[SampleUser, ...] = ()
    refreshed: dict[str, int] = {}
    settings: dict[str, object] = {}
    libraries: dict[str, str] = {}
