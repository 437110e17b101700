"""The independent checker: what became of every event that the broker acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tests import oracle
from tests.faults.day.commits import commits, steps_back
from tests.faults.day.flaws import POISON
from tests.faults.day.witness import histories_of, holds
from tests.integration.world import LIMIT, differences

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tests.faults.day.commits import StepBack
    from tests.faults.day.ledger import Entry
    from tests.faults.day.stage import Stage
    from tests.oracle_signals import State

    Place = tuple[int, int]

_UNKNOWN = oracle.new_history()
_GAVE_UP: Final = "Faust gave up"


class Counts(NamedTuple):
    """What a run came to.

    Attributes
    ----------
    sent
        Events that the broker acknowledged.
    lost
        Of these, those that are in neither a history nor the dead-letter topic, and good ones
        that were parked.
    doubled
        States of a user and a video that say more than all events together do.
    differing
        Users whose history or list differs from the oracle's replay.
    parked
        Events in the dead-letter topic.
    redelivered
        Deliveries of messages that had been delivered before: work was in flight.
    recovered_s
        From the end of the fault until an event sent after it was reflected, the slowest
        partition; None where no fault was marked.
    gave_up
        Lives of workers that Faust ended of its own accord, which no fault excuses.
    waited_s
        The longest that any event took from the producer into Redis, once the workers were up.
    steps_back
        Commits that lie before the last one of their partition, which no fault excuses; known
        when all workers have ended, see `with_steps_back`.
    """

    sent: int
    lost: int
    doubled: int
    differing: int
    parked: int
    redelivered: int
    gave_up: int
    recovered_s: float | None
    waited_s: float | None
    steps_back: Sequence[StepBack] = ()

    @property
    def is_exact(self) -> bool:
        """Whether nothing was lost or doubled, all lists are right, and nobody did what none may.

        That is to give up, and to go back in what is committed.
        """
        wrong = self.lost or self.doubled or self.differing
        return not (wrong or self.gave_up or self.steps_back)


def count(stage: Stage) -> Counts:
    """Count, once everything has settled."""
    parked = stage.letters.letters
    entries = sorted(stage.there(), key=lambda entry: entry.place)
    expected = replay(entries, parked)
    stored = histories_of(stage.stores.users, expected.keys() | stage.users_in_redis())
    deliveries = stage.crew.delivered()
    return Counts(
        sent=len(entries),
        lost=len(lost(stage)),
        doubled=sum(beyond(found, expected.get(user)) for user, found in stored.items()),
        differing=len(differing(stage, expected)),
        parked=len(parked),
        redelivered=len(deliveries) - len(set(deliveries)),
        gave_up=stage.crew.log().count(_GAVE_UP),
        recovered_s=recovered(stage, entries),
        waited_s=waited(stage, entries),
    )


def with_steps_back(stage: Stage, counts: Counts) -> Counts:
    """End all workers in order, and count also the steps back in what they have committed."""
    stage.crew.close()
    found = steps_back(commits(stage.kafka.bootstrap), stage.name)
    return counts._replace(steps_back=found)


def replay(entries: Iterable[Entry], parked: Collection[Place]) -> dict[str, oracle.History]:
    """Ask the oracle: one event after the other, in the order of their partitions."""
    events = (e.event for e in entries if e.event is not None and e.place not in parked)
    return oracle.histories(events, LIMIT)


def lost(stage: Stage) -> list[Entry]:
    """Give the messages that are in neither a history nor the dead-letter topic."""
    entries, parked = stage.there(), stage.letters.letters
    stored = histories_of(
        stage.stores.users, {e.event["user"] for e in entries if e.event is not None}
    )
    return [entry for entry in entries if is_lost(entry, stored, parked)]


def is_lost(entry: Entry, stored: Mapping[str, oracle.History], parked: Collection[Place]) -> bool:
    """Whether a message is in neither a history nor, where it belongs there, among dead letters."""
    if entry.place in parked:
        return entry.event is not None and entry.event["user"] != POISON
    return entry.event is None or not holds(stored.get(entry.event["user"], _UNKNOWN), entry.event)


def beyond(found: oracle.History, expected: oracle.History | None) -> int:
    """Count the states that say more than the events did."""
    right = (expected or _UNKNOWN)["videos"]
    return sum(
        says_more(state, right.get(video, oracle.NOTHING))
        for video, state in found["videos"].items()
    )


def says_more(state: State, right: State) -> bool:
    """Whether a state goes beyond what it should be, in anything that only grows."""
    pairs = (("rated_at", "rating"), ("reacted_at", "reaction"))
    return (
        (state["earliest"] < right["earliest"] or not right["earliest"])
        or any(state[name] > right[name] for name in ("seen", "latest", "watch_ratio"))
        or any((state[a], state[b]) > (right[a], right[b]) for a, b in pairs)
        or any(state[name] and not right[name] for name in ("shared", "hidden"))
    )


def differing(stage: Stage, expected: Mapping[str, oracle.History]) -> list[str]:
    """Name the users whose history or list is not the oracle's."""
    if not differences(stage.stores, expected, stage.model, stage.active):
        return []
    return [
        user
        for user, history in expected.items()
        if differences(stage.stores, {user: history}, stage.model, stage.active)
    ]


def waited(stage: Stage, entries: Iterable[Entry]) -> float | None:
    """Give the longest time from the producer into Redis."""
    seen = stage.witness.seen
    waits = [
        seen[entry.place] - entry.sent_at
        for entry in entries
        if entry.place in seen and entry.sent_at >= stage.began
    ]
    return max(waits, default=None)


def recovered(stage: Stage, entries: Iterable[Entry]) -> float | None:
    """Give the longest time from a fault's end until a partition moved on."""
    entries = list(entries)
    waits: list[float] = []
    for mark in stage.marks:
        first: dict[int, float] = {}
        for entry in entries:
            if entry.sent_at >= mark and entry.place in stage.witness.seen:
                first.setdefault(entry.partition, stage.witness.seen[entry.place] - mark)
        waits += first.values()
    return max(waits, default=None)
