"""Judgements: how good ways to make lists are, in plain numbers; a part of the night's report."""

from __future__ import annotations

from typing import Literal

import msgspec


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
