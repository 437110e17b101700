"""The demo from top to bottom: data, night, day, and what it came to."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from batch_training.night import Given, run_night
from batch_training.night_report import NightReport
from batch_training.progress import Stages
from batch_training.publish import publish
from batch_training.reading.load import LoadSettings, load_in_memory
from batch_training.reading.spool import Spool
from data.redis_connection import explained
from data.sources.data_set import default_cache
from data.sources.movielens import CITATION, load_movielens_1m
from data.sources.sample import make_sample
from data.sources.table import SourceError, Table
from deploy.demo.day import BROKEN, compare, count_reflected, live_through, send_broken
from deploy.demo.pages import Counted, Pace, ladder_page, last_page
from deploy.demo.screen import Screen
from deploy.embedded.stack import EmbeddedStack
from deploy.night.lists import PATIENCE_S, give_lists
from deploy.night_summary import summary
from deploy.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_training.events import Events
    from batch_training.judging.peer_fits import PeerName
    from batch_training.night import Night
    from batch_training.night_settings import NightSettings
    from batch_training.reading.load_report import LoadReport
    from data.catalogue import Catalogue
    from data.interaction import Interaction
    from data.model_store import Active
    from data.sources.data_set import DataSet
    from deploy.narrator import Narrator

_HISTORY_SHARE: Final = 0.9  # what the night knows; the rest is the day
# The others take their time, and are the business of a night that nobody waits for.
_PEERS: Final[tuple[PeerName, ...]] = ("popularity", "recent_popularity")


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


def run_demo(options: DemoOptions, settings: NightSettings, narrator: Narrator) -> None:
    """Show the whole system at work; everything that it starts ends with it."""
    data_set = choose_data(options.source, narrator)
    with EmbeddedStack() as stack, explained(stack.redis_url):
        stores = Stores.at(stack.redis_url)
        stack.start_worker()
        narrator.say("\n[bold]The night[/] learns from all but the newest tenth of the events.")
        past, later, loaded = read_events(data_set, narrator)
        later = later.take(slice(options.events))
        learn_from = (past, data_set.catalogue, loaded)
        night, active = first_night(learn_from, settings, stores, narrator)
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
        if compared.ladder:
            narrator.say(ladder_page(compared.ladder))
        narrator.say("On data of your own: upnext night, worker, send; see README.md.")
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


def read_events(data_set: DataSet, narrator: Narrator) -> tuple[Events, Events, LoadReport]:
    """Validate the interactions, and cut them by time."""
    narrator.stage("Read and validate")
    table = Table.of_frame(data_set.name, data_set.interactions)
    events, report = load_in_memory(table, LoadSettings(), time.time_ns() // 1_000_000)
    narrator.done(f"{report}; {len(events.users):,} users × {len(events.videos):,} videos")
    return *events.split(_HISTORY_SHARE), report


def first_night(
    learn_from: tuple[Events, Catalogue, LoadReport],
    settings: NightSettings,
    stores: Stores,
    narrator: Narrator,
) -> tuple[Night, Active]:
    """Run the night on what came before the day, and publish what it gives."""
    past, catalogue, loaded = learn_from
    # The ladder comes at the end, on the events of the day.
    judged = msgspec.structs.replace(settings.judge, peers=_PEERS, ladder_cases=0)
    settings = msgspec.structs.replace(settings, judge=judged)
    started_at, start = time.time_ns() // 1_000_000, time.perf_counter()
    data = msgspec.structs.replace(
        loaded.facts(pairs=0, left_out={}), events=len(past), newest_at=int(past.at[-1])
    )
    report = NightReport(started_at=started_at, data=data)
    with TemporaryDirectory(prefix="upnext-") as scratch:
        given = Given(Spool.of(past, Path(scratch)), catalogue)
        night = run_night(given, settings, report, Stages(narrator))
    report.verdict, report.seconds = "published", round(time.perf_counter() - start, 1)
    active = publish(night.model, catalogue, stores.models, datetime.now(UTC), report)
    narrator.say(summary(report))
    return night, active


def refresh_all(
    stack: EmbeddedStack, stores: Stores, night: Night, active: Active, narrator: Narrator
) -> None:
    """Wait for the worker to be there, then give everybody a list."""
    deadline = time.monotonic() + PATIENCE_S
    while not stores.heartbeats.alive() and time.monotonic() < deadline:
        stack.check_worker()
        time.sleep(0.05)
    served, stages = (active, night.model), Stages(narrator)
    everybody = (night.histories, night.histories.lengths > 0)
    done, behind = give_lists(stores, served, everybody, stages)
    for sentence in behind:
        narrator.say(f"[red]{sentence}[/]")
    narrator.done(f"{done.written:,} users")


def count(stack: EmbeddedStack, stores: Stores, events: Sequence[Interaction]) -> Counted:
    """Count what went in and what came of it, some broken events included."""
    parked = send_broken(stack, stores.heartbeats)
    stack.check_untrimmed()
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
