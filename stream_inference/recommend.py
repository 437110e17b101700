"""The pure heart of the day: model, histories and news in, histories and lists out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from data.defaults import DEFAULT_LENGTH
from data.popular import Popular
from data.up_next import UpNext, up_next
from data.user_history import DEFAULT_LIMIT, UserHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from data.frozen_model import ModelVersion
    from data.interaction import Interaction
    from data.served_model import Servable

# What is to be merged into each user's history: events in order, or what the night knows.
News = dict[str, list["Interaction"] | UserHistory]


class Serving(NamedTuple):
    """The model that is applied, and the activation that made it so."""

    model: Servable
    version: ModelVersion
    activation: int

    @property
    def history_limit(self) -> int:
        """How many videos of a user are kept."""
        return self.model.history_limit


def news_of(events: Iterable[Interaction]) -> News:
    """Group events by user, in order of arrival."""
    news: dict[str, list[Interaction]] = {}
    for event in events:
        news.setdefault(event.user, []).append(event)
    return {**news}


def merge_news(
    histories: Mapping[str, UserHistory], news: News, limit: int = DEFAULT_LIMIT
) -> dict[str, UserHistory]:
    """Merge what is new into each user's history; the same object comes back if nothing is."""
    return {
        user: histories[user].merge(new, limit)
        if isinstance(new, UserHistory)
        else histories[user].add_all(new, limit)
        for user, new in news.items()
    }


def lists_for(
    serving: Serving | Popular,
    users: Sequence[str],
    histories: Sequence[UserHistory],
    length: int = DEFAULT_LENGTH,
) -> list[UpNext]:
    """Make each user's list; of the popular videos while there is no model to make it with."""
    if isinstance(serving, Popular):
        return [serving.list_for(u, h, length) for u, h in zip(users, histories, strict=True)]
    return up_next(
        serving.model,
        users,
        histories,
        version=serving.version,
        activation=serving.activation,
        length=length,
    )
