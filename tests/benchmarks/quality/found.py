"""Found: what was measured of one protocol, as the page and its pictures tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_training.judgements import Interval

OWN: Final = "live"
"""Key of a row that is a model of our own, and not the one that the others stand beside."""


class Cost(NamedTuple):
    """What a way costs; None for what isn't measured.

    Attributes
    ----------
    train_s
        CPU seconds of all threads to learn it.
    bytes_a_video
        Of what the day has to hold.
    list_us
        CPU microseconds for the first 20 places of a list.
    """

    train_s: float | None = None
    bytes_a_video: float | None = None
    list_us: float | None = None


class Row(NamedTuple):
    """One way, by its name for people.

    Attributes
    ----------
    key
        Decides the colour.
    more
        Further columns by their heading: a paired difference, or another metric.
    """

    key: str
    name: str
    figure: Interval
    more: Mapping[str, Interval | None]
    cost: Cost = Cost()


class Found(NamedTuple):
    """One protocol.

    Attributes
    ----------
    name
        Of the picture, ``quality-NAME.svg``.
    title, settings
        Sentences: what was asked, and of which models.
    metric
        Its name for people.
    """

    name: str
    title: str
    settings: str
    metric: str
    rows: Sequence[Row]
