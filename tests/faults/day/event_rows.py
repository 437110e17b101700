"""Rows in which events, or the clock that they are judged by, are not what they should be."""

from __future__ import annotations

import hashlib
import time
from itertools import count, islice, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tests import oracle
from tests.faults.day.breaking import LONG_S, set_clock, under_load
from tests.faults.day.flaws import CLOCK
from tests.faults.day.ledger import SteadyLoad, numbered
from tests.faults.day.stage import RATE
from tests.faults.day.table import Outcome, row, took_effect
from tests.integration.test_bad_events import bad_payloads
from tests.integration.world import LIMIT, stale, traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_inference.dead_letters import DeadLetter
    from tests.faults.day.stage import Stage

    Plain = dict[str, Any]

_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_AT_ONCE: Final = 50  # events that are shuffled together
_SEEDS: Final = count(900)


@row(
    "every kind of bad payload",
    promise="each is in the dead-letter topic with reason, offset and digest; good ones go on",
    how="all payloads that a worker must refuse, amid traffic",
)
def bad(stage: Stage) -> Outcome:
    """Send what can't be used."""
    stage.start_workers(2)
    kinds = bad_payloads()
    with under_load(stage):
        for payload, _ in kinds:
            stage.ledger.send_bytes(payload, b"one key, so that they stay in order")
    counts = stage.count()
    places = [entry.place for entry in stage.ledger.entries if entry.event is None]
    right = [
        _describes(stage.letters.letters.get(place), payload, reason)
        for (payload, reason), place in zip(kinds, places, strict=True)
    ]
    reasons = ", ".join(sorted({reason for _, reason in kinds}))
    told = f"{sum(right)} of {len(kinds)} dead letters right: {reasons}"
    wrong = right.count(False) + abs(counts.parked - len(kinds))
    counts = counts._replace(lost=counts.lost + wrong)
    return Outcome(counts, took_effect(told, happened=counts.parked > 0))


def _describes(letter: DeadLetter | None, payload: bytes | None, reason: str) -> bool:
    digest = hashlib.sha256(payload or b"").hexdigest()
    return letter is not None and (letter.reason, letter.sha256) == (reason, digest)


@row(
    "events come twice and out of order",
    promise="each has its effect once, and the order of arrival has none",
    how=f"a producer shuffles every {_AT_ONCE} events and sends each third one twice",
)
def twice_and_shuffled(stage: Stage) -> Outcome:
    """Send what a producer without care might send."""
    stage.start_workers(2)
    original = list(islice(numbered(next(_SEEDS)), 1_000))
    sent = list(_disturbed(original))
    with SteadyLoad(stage.ledger, iter(sent), 3 * RATE, LONG_S) as load:
        load.join()
    stage.mark()
    counts = stage.count()
    # Not against the replay of what was sent, but of what the producer should have sent.
    differing = len(stale(stage.stores, oracle.histories(original, LIMIT)))
    late = sum(a["at"] > b["at"] for a, b in pairwise(sent))
    told = f"{len(sent) - len(original)} sent twice, {late} sent before an older one"
    counts = counts._replace(differing=counts.differing + differing)
    return Outcome(counts, took_effect(told, happened=late > 0))


def _disturbed(events: list[Plain]) -> Iterator[Plain]:
    random = np.random.default_rng(len(events))
    for first in range(0, len(events), _AT_ONCE):
        some = [*events[first : first + _AT_ONCE], *events[first : first + _AT_ONCE : 3]]
        yield from (some[place] for place in random.permutation(len(some)))


@row(
    "a worker's clock jumps",
    promise="nothing changes but what it says of itself",
    how="a day ahead for 2 s, then an hour back for 2 s, with events of this very moment",
)
def clock_jumps(stage: Stage) -> Outcome:
    """Set the clock of one of two workers."""
    file = stage.folder / "clock"
    set_clock(file, 0)
    stage.start_workers(1, flaws=[f"clock={file}"])
    stage.start_workers(1)
    with SteadyLoad(stage.ledger, _present(), RATE, LONG_S):
        for seconds in (_DAY_S, -_HOUR_S, 0):
            time.sleep(2)
            set_clock(file, seconds)
            stage.mark()
        time.sleep(2)
    jumps = [f"{CLOCK} {seconds} s" for seconds in (_DAY_S, -_HOUR_S)]
    log = stage.crew.log()
    told = "the worker went by a clock a day ahead, then an hour behind, then right again"
    return Outcome(stage.count(), took_effect(told, happened=all(jump in log for jump in jumps)))


def _present() -> Iterator[Plain]:
    """Draw events that happen when they are sent."""
    users = [f"present{number}" for number in range(40)]
    for event in traffic(users, 1_000, seed=next(_SEEDS)):
        yield event | {"at": time.time_ns() // 1_000_000}
