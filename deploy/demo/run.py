"""The demo from top to bottom: data, night, day, and what it came to."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from batch_training.load import LoadSettings, load
from batch_training.night import NightSettings, run_night
from batch_training.publish import publish
from data.heartbeats import Heartbeats
from data.model_store import ModelStore
from data.redis_connection import connect, explained
from data.redis_keys import RedisKeys
from data.sources.data_set import default_cache
from data.sources.movielens import CITATION, load_movielens_1m
from data.sources.sample import make_sample
from data.sources.table import SourceError, Table
from data.user_store import UserStore
from deploy.demo.day import BROKEN, compare, count_reflected, live_through, send_broken
from deploy.demo.pages import Counted, Pace, last_page
from deploy.demo.screen import Screen
from deploy.embedded.stack import EmbeddedStack
from deploy.quality_table import quality_table
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh, workers_follow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.events import Events
    from batch_training.night import Night
    from data.interaction import Interaction
    from data.model_store import Active
    from data.sources.data_set import DataSet
    from deploy.narrator import Narrator

_HISTORY_SHARE: Final = 0.9  # what the night knows; the rest is the day
_PATIENCE_S: Final = 60.0


class DemoOptions(NamedTuple):
    """What can be chosen.

    Attributes
    ----------
    source
        ``movielens`` (the synthetic sample where it can't be had) or ``sample``.
    events
        Most live events to replay; all that were held out if None.
    pace
        The part in which latency is measured.
    stay
        Keep everything running until Ctrl-C once all is shown.
    """

    source: str = "movielens"
    events: int | None = None
    pace: Pace = Pace(per_second=200, events=1_000)
    stay: bool = False


class Stores(NamedTuple):
    """All that is kept in Redis."""

    models: ModelStore
    users: UserStore
    heartbeats: Heartbeats

    @classmethod
    def at(cls, url: str) -> Stores:
        """Open the stores of one Redis."""
        client, keys = connect(url), RedisKeys()
        return cls(ModelStore(client, keys), UserStore(client, keys), Heartbeats(client, keys))


def run_demo(options: DemoOptions, settings: NightSettings, narrator: Narrator) -> None:
    """Show the whole system at work; everything that it starts ends with it."""
    data_set = choose_data(options.source, narrator)
    with EmbeddedStack() as stack, explained(stack.redis_url):
        stores = Stores.at(stack.redis_url)
        stack.start_worker()
        narrator.say("\n[bold]The night[/] learns from all but the newest tenth of the events.")
        past, later = read_events(data_set, narrator)
        later = later.take(slice(options.events))
        night = run_night(past, data_set.catalogue, settings, narrator)
        narrator.say(quality_table(night.figures))
        active = publish(night.model, data_set.catalogue, stores.models, datetime.now(UTC))
        narrator.say(f"Published and activated: model [bold]{active.version}[/].")
        refresh_all(stack, stores, night, active, narrator)
        narrator.say(
            "\n[bold]The day[/] replays the newest tenth as live traffic. It learns nothing."
        )
        events = [later.interaction(i) for i in range(len(later))]
        screen = Screen(narrator.console, data_set.catalogue, active.version, len(events))
        seen = live_through(stack, stores.users, events, options.pace, screen)
        counted = count(stack, stores, events)
        narrator.stage("Compare with lists left alone")
        compared = compare(night, later, seen, narrator.step)
        narrator.say(last_page(seen, counted, compared, options.pace))
        narrator.say("On data of your own: upnext train, refresh, worker, send; see README.md.")
        if options.stay:
            narrator.say(what_next(stack, later))
            narrator.say("\nEverything keeps running until you press [bold]Ctrl-C[/].")
            signal.pause()


def choose_data(source: str, narrator: Narrator) -> DataSet:
    """Take MovieLens-1M, or the synthetic sample; say which and why."""
    if source == "movielens":
        try:
            data_set = load_movielens_1m(default_cache(), narrator.say)
        except SourceError as error:
            narrator.say(
                f"{error}\nSo the demo shows the [bold]synthetic sample[/], "
                "whose quality figures prove nothing."
            )
        else:
            narrator.say(f"{data_set.why}\n[dim]{CITATION}[/]")
            return data_set
    data_set = make_sample()
    narrator.say(data_set.why)
    return data_set


def read_events(data_set: DataSet, narrator: Narrator) -> tuple[Events, Events]:
    """Validate the interactions, and cut them by time."""
    narrator.stage("Read and validate")
    rows = np.arange(1, len(data_set.interactions) + 1)
    table = Table(Path(data_set.name), data_set.interactions, rows, [])
    events, report = load([table], LoadSettings(), time.time_ns() // 1_000_000)
    narrator.done(f"{report}; {len(events.users):,} users × {len(events.videos):,} videos")
    return events.split(_HISTORY_SHARE)


def refresh_all(
    stack: EmbeddedStack, stores: Stores, night: Night, active: Active, narrator: Narrator
) -> None:
    """Wait for the worker to take the model, then give everybody a list."""
    narrator.stage("Wait for the worker to follow")
    deadline = time.monotonic() + _PATIENCE_S
    while not stores.heartbeats.alive() and time.monotonic() < deadline:
        stack.check_worker()
        time.sleep(0.05)
    for behind in workers_follow(stores.heartbeats, active.activation, _PATIENCE_S):
        narrator.say(f"[red]does not follow:[/] {behind}")
    narrator.stage("Write everybody's list")
    known = list(night.histories.by_user())
    done = refresh(
        stores.users,
        Serving(night.model, active.version, active.activation),
        known,
        lambda users: narrator.step(users, len(known)),
    )
    narrator.done(f"{done.written:,} users")


def count(stack: EmbeddedStack, stores: Stores, events: Sequence[Interaction]) -> Counted:
    """Count what went in and what came of it, some broken events included."""
    parked = send_broken(stack, stores.heartbeats)
    stack.broker.check_untrimmed()
    return Counted(len(events), count_reflected(stores.users, events), len(BROKEN), parked)


def what_next(stack: EmbeddedStack, later: Events) -> str:
    """Say what to type next."""
    user = later.users[later.user[-1]]
    where = f"--redis-url {stack.redis_url}"
    return (
        "What to type next, in another terminal:\n"
        f"  .venv/bin/upnext recommend {user} {where}\n"
        f"  .venv/bin/upnext models list {where}"
    )
