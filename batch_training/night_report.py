"""NightReport: all that a night has to tell, in plain numbers and words; the page is drawn from it.

It travels as JSON: beside the model in Redis, and in the night's folder, also when the night was
refused. Times are ms UTC, durations seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from batch_training.judgements import ActivityGroup, Judgement, Ladder

Verdict = Literal["published", "dry run", "refused", "refused for its data", "locked", "fault"]


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
