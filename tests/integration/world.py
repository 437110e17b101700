"""A small world for the whole path: a night, live traffic, and a checker that asks the oracle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import confluent_kafka
import numpy as np

from batch_training.merging.histories import merge_events
from batch_training.publish import publish
from batch_training.reading.load import LoadSettings, load_in_memory
from batch_training.training.settings import PriorSettings, TrainSettings
from batch_training.training.train import fit, freeze
from batch_training.training.training_set import training_set
from data.catalogue import Catalogue
from data.heartbeats import Heartbeats
from data.interaction import KINDS
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.sources.sample import make_sample
from data.sources.table import Table
from data.user_store import UserStore
from deploy.kafka import EventSender
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests import oracle
from tests.builders import interaction, plain_history, plain_model
from tests.unit.nights import plain
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batch_training.events import Events
    from batch_training.merging.histories import Histories
    from data.frozen_model import FrozenModel
    from data.heartbeats import Heartbeat
    from data.model_store import Active
    from data.redis_connection import Client
    from data.sources.data_set import DataSet
    from deploy.embedded.stack import EmbeddedStack

    Plain = dict[str, Any]
    Expected = Mapping[str, oracle.History]

NOW_MS = 1_720_000_000_000  # in 2024, after the sample's month
LIMIT = 60  # videos of a history: few, so that some users have more
PATIENCE_S = 60.0  # for anything that takes moments on a quiet machine


class World(NamedTuple):
    """What a night knows, and two models that it might have made of it."""

    events: list[Plain]
    histories: Histories
    model: FrozenModel
    other: FrozenModel


class Stores(NamedTuple):
    """What is in Redis."""

    client: Client
    models: ModelStore
    users: UserStore
    heartbeats: Heartbeats

    @classmethod
    def at(cls, url: str, prefix: str = "upnext") -> Stores:
        """Open them under the prefix that a worker uses by default."""
        client, keys = connect(url), RedisKeys(prefix)
        stores = ModelStore(client, keys), UserStore(client, keys), Heartbeats(client, keys)
        return cls(client, *stores)


def loaded(data_set: DataSet) -> Events:
    """Take a data set in as the night does."""
    table = Table.of_frame(data_set.name, data_set.interactions)
    return load_in_memory(table, LoadSettings(), NOW_MS)[0]


def train(
    histories: Histories,
    catalogue: Catalogue,
    factors: int,
    seed: int,
    blocked: Iterable[str] = (),
) -> FrozenModel:
    """Train a small model in a moment."""
    prior = PriorSettings(weight=0.1)  # so that all parts are on
    settings = TrainSettings(factors=factors, iterations=3, prior=prior, seed=seed, threads=1)
    durations = catalogue.durations(histories.videos)
    learnt_from = training_set(histories, settings, durations=durations)
    factorised = fit(learnt_from.matrix, settings).item_factors
    return freeze(factorised, learnt_from, settings, list(blocked), LIMIT)


def make_world() -> World:
    """Train two models on one small sample; some videos are blocked in the second."""
    sample = make_sample(seed=7, users=250, videos=150, events=6_000)
    events, catalogue = loaded(sample), sample.catalogue
    histories = merge_events(events, LIMIT)
    model = train(histories, catalogue, 16, seed=1)
    other = train(histories, catalogue, 24, seed=2, blocked=["v3", "v30", "not there"])
    return World(plain(events), histories, model, other)


def traffic(users: list[str], count: int, seed: int, start_ms: int = NOW_MS) -> list[Plain]:
    """Draw live events: all kinds, some twice, some late, some of videos that nobody knows."""
    random = np.random.default_rng(seed)
    events: list[Plain] = []
    for number in range(count):
        late = random.random() < 0.1
        event: Plain = {
            "user": users[int(random.integers(len(users)))],
            "video": f"v{random.integers(1, 158)}",  # beyond v150 nobody knows them
            "kind": str(random.choice(KINDS, p=[0.5, 0.15, 0.05, 0.05, 0.05, 0.05, 0.15])),
            "at": start_ms + number * 1000 - (int(random.integers(100_000)) if late else 0),
        }
        if event["kind"] == "watch":
            event["watch_ratio"] = round(float(random.random() * 1.2), 3)
        if event["kind"] == "rating":
            event["rating"] = float(random.integers(1, 11)) / 2
        twice = events and random.random() < 0.05
        events.append(events[int(random.integers(len(events)))] if twice else event)
    return events


def send(stack: EmbeddedStack, events: Iterable[Plain]) -> None:
    """Send events through Kafka; returns when the broker has them all."""
    with EventSender(stack.kafka, stack.events_topic) as sender:
        for event in events:
            sender.send(interaction(event))


def expect(*parts: Iterable[Plain]) -> dict[str, oracle.History]:
    """Ask the oracle what every user's history must be after these events, in this order."""
    return oracle.histories((event for part in parts for event in part), LIMIT)


def stale(stores: Stores, expected: Expected) -> list[str]:
    """Name the users whose history in Redis is not what the oracle says."""
    stored = stores.users.read_many(list(expected))
    return [
        f"user {user!r} has another history"
        for (user, history), found in zip(expected.items(), stored, strict=True)
        if plain_history(found.history) != {**history, "order": oracle.videos_by_place(history)}
    ]


def differences(
    stores: Stores, expected: Expected, model: FrozenModel, active: Active
) -> list[str]:
    """Tell everything in which Redis differs from the oracle; the checker of all these tests."""
    complaints = stale(stores, expected)
    reference = plain_model(model)
    lists = stores.users.read_lists(list(expected))
    for (user, history), shown in zip(expected.items(), lists, strict=True):
        wanted = oracle.up_next(reference, history, 20)
        if shown is None:
            complaints.append(f"user {user!r} has no list")
            continue
        items = [(item.id, item.score) for item in shown.items]
        faults = oracle.compare_lists(items, wanted)
        about = (shown.version, shown.activation, shown.at, shown.personal)
        right = (active.version, active.activation, wanted["at"], wanted["personal"])
        if about != right:
            faults.append(f"says {about}, not {right}")
        complaints += [f"list of {user!r}: {fault}" for fault in faults]
    return complaints


def wait_until_reflected(stores: Stores, expected: Expected, stack: EmbeddedStack) -> None:
    """Wait until all histories are there; their lists are written together with them."""

    def reflected() -> bool:
        stack.check_worker()
        return not stale(stores, expected)

    wait_until(reflected, PATIENCE_S, poll=0.1)


def activate(stores: Stores, model: FrozenModel) -> Active:
    """Publish a model and make it the one that is served."""
    return publish(model, Catalogue(), stores.models, datetime.now(UTC))


def give_everybody_a_list(stores: Stores, world: World, model: FrozenModel, active: Active) -> None:
    """Refresh all users that the night knows."""
    serving = Serving(model, active.version, active.activation)
    refresh(stores.users, serving, world.histories.by_user())


def beat_of(stores: Stores, stack: EmbeddedStack) -> Heartbeat | None:
    """Give the last heartbeat of the worker that runs now."""
    stack.check_worker()
    name = f"-{stack.worker.pid}" if stack.worker else "nobody"
    return next((b for b in stores.heartbeats.alive() if b.worker.endswith(name)), None)


def wait_until_follows(stores: Stores, stack: EmbeddedStack, activation: int) -> Heartbeat:
    """Wait until the worker that runs now holds an activation."""

    def follows() -> Heartbeat | None:
        beat = beat_of(stores, stack)
        return beat if beat is not None and beat.activation == activation else None

    beat = wait_until(follows, PATIENCE_S)
    assert beat is not None
    return beat


class Progress(NamedTuple):
    """How many events the broker has, and how many of them the workers have acknowledged."""

    sent: int
    acknowledged: int

    @property
    def left(self) -> int:
        """Those that would be delivered again."""
        return self.sent - self.acknowledged


def progress(stack: EmbeddedStack) -> Progress:
    """Ask the broker how far the workers are."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": stack.kafka, "group.id": stack.group, "log_level": 0}
    )
    try:
        topic = stack.events_topic
        partitions = consumer.list_topics(topic, 10).topics[topic].partitions
        places = [confluent_kafka.TopicPartition(topic, number) for number in partitions]
        sent = sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)
        return Progress(sent, sum(max(0, place.offset) for place in consumer.committed(places, 10)))
    finally:
        consumer.close()
