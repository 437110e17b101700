"""The day of the demo: live traffic, and what it came to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from batch_training.judging.judge import Contest, JudgeSettings, judge
from batch_training.judging.measure import HIT_RATE
from batch_training.judging.replay import ReplaySettings, draw_targets, first_likes
from batch_training.judging.ways import ModelWay
from data.vocabulary import Vocabulary
from deploy.demo.pages import Compared, Pace, Seen
from deploy.demo.traffic import Traffic
from deploy.kafka import EventSender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batch_training.events import Events
    from batch_training.night import Night
    from data.heartbeats import Heartbeats
    from data.interaction import Interaction
    from data.user_store import UserStore
    from deploy.demo.screen import Screen
    from deploy.demo.traffic import Arrival
    from deploy.embedded.stack import EmbeddedStack

TOP: Final = 10
BROKEN: Final = (
    b"not json",
    b'{"user": "u1"}',
    b'{"user": 7, "video": "x", "kind": "like", "at": 1}',
)
_AT_ONCE: Final = 256
_PATIENCE_S: Final = 30.0


def live_through(
    stack: EmbeddedStack,
    store: UserStore,
    events: Sequence[Interaction],
    pace: Pace,
    screen: Screen,
) -> Seen:
    """Send the events as live traffic: first at a pace, then as fast as the lists follow."""
    hits: set[tuple[str, int]] = set()
    latencies: list[float] = []

    def arrived(arrival: Arrival) -> None:
        latencies.append(arrival.latency_s)
        if arrival.place is not None and arrival.place < TOP:
            hits.add((arrival.event.user, arrival.event.at))
        screen.arrived(arrival)

    def waiting() -> None:
        screen.draw()
        stack.check_worker()

    with EventSender(stack.kafka, stack.events_topic) as sender, screen:
        traffic = Traffic(sender, store, events)
        traffic.run(arrived, count=pace.events, per_second=pace.per_second, on_wait=waiting)
        paced = len(latencies)
        start = time.perf_counter()
        traffic.run(arrived, in_flight=_AT_ONCE, on_wait=waiting)
    return Seen(hits, latencies[:paced], latencies[paced:], time.perf_counter() - start)


def send_broken(stack: EmbeddedStack, heartbeats: Heartbeats) -> int:
    """Send events that are none, and wait until the worker has parked them; gives its count."""
    with EventSender(stack.kafka, stack.events_topic) as sender:
        for payload in BROKEN:
            sender.send_bytes(payload)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        parked = sum(beat.dead_letters for beat in heartbeats.alive())
        if parked >= len(BROKEN) or time.monotonic() > deadline:
            return parked
        stack.check_worker()
        time.sleep(0.1)


def count_reflected(store: UserStore, events: Sequence[Interaction]) -> int:
    """Count the events that the histories in Redis hold, or let go because they were too many."""
    by_user: dict[str, list[Interaction]] = {}
    for event in events:
        by_user.setdefault(event.user, []).append(event)
    users = list(by_user)
    reflected = 0
    for first in range(0, len(users), _AT_ONCE):
        part = users[first : first + _AT_ONCE]
        for user, stored in zip(part, store.read_many(part), strict=True):
            history = stored.history
            latest = dict(zip(history.videos, history.states["latest"].tolist(), strict=True))
            reflected += sum(
                latest.get(event.video, 0) >= event.at or (event.at, event.video) <= history.mark
                for event in by_user[user]
            )
    return reflected


# With the peers that take their time, so by fewer lists.
_LADDER: Final = JudgeSettings(
    protocols=("replay",),
    peers=("popularity", "item_knn", "ease"),
    replay=ReplaySettings(budget=JudgeSettings().ladder_cases),
)


def compare(
    night: Night, later: Events, seen: Seen, on_step: Callable[[int, int], None]
) -> Compared:
    """Put the hits of the served lists beside those of last night's lists and of popularity."""
    settings = JudgeSettings(protocols=("replay",), peers=("popularity",), ladder_cases=0)
    model, histories, _ = night
    contest = Contest(model, None, histories, later)
    judged = judge(contest, settings, (), on_step)
    ladder = judge(contest, _LADDER, (), on_step).ladder
    rates = {way.name: way.figures[HIT_RATE].mean for way in judged.judgements[0].ways}
    listable = ModelWay.of("", model, Vocabulary(later.videos), ()).listable
    first = first_likes(later, listable, settings.liked)
    drawn = draw_targets(histories, later, first, settings.replay)  # the same as were judged by
    users, times = later.user[drawn].tolist(), later.at[drawn].tolist()
    liked = [(later.users[user], at) for user, at in zip(users, times, strict=True)]
    return Compared(
        liked=len(liked),
        served=sum(key in seen.hits for key in liked) / max(1, len(liked)),
        left_alone=rates.get("left_alone", 0.0),
        popularity=rates.get("popularity", 0.0),
        ladder=ladder if ladder and ladder.rungs else None,
    )
