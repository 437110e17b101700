"""Faults that `make chaos` draws: in workers, in their model, and in what they are sent."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Final

from data.user_history import UserHistory
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests.faults.day import breaking
from tests.faults.day.chaos_ground import STALL_S, fault
from tests.faults.day.flaws import CLOCK, STALLED
from tests.faults.day.model_rows import beats, wait_until_followed
from tests.faults.day.stage import SESSION_S
from tests.faults.day.table import took_effect
from tests.faults.day.worker_rows import OWN_ERROR
from tests.integration.damaged import point_at_damaged
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.day.chaos_ground import Ground
    from tests.faults.day.crew import Worker

_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.2  # a worker's notes and log are long in the end
_KILLED: Final = 128 + signal.SIGKILL
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600


@fault
def kill_worker(ground: Ground) -> str:
    """Kill a worker; the supervisor starts it again."""
    worker = ground.worker()
    told = f"{worker.name} is killed"
    return took_effect(told, happened=_ends(worker, signal.SIGKILL) == _KILLED)


@fault
def stop_worker(ground: Ground) -> str:
    """Ask a worker to end; the supervisor starts it again."""
    worker = ground.worker()
    return f"{worker.name} is stopped, status {_ends(worker, signal.SIGTERM)}"


def _ends(worker: Worker, number: signal.Signals) -> int:
    """Send a signal, and wait until the worker has ended; gives its status."""
    before = len(worker.exits)
    worker.signal(number)
    wait_until(lambda: len(worker.exits) > before, _PATIENCE_S, what=f"{worker.name} ends")
    return worker.exits[before]


@fault
def freeze_worker(ground: Ground) -> str:
    """Freeze a worker that has work, at times for longer than its session lasts."""
    worker, seconds = ground.worker(), ground.seconds(2 * SESSION_S)
    before = worker.delivered
    wait_until(lambda: worker.delivered > before, _PATIENCE_S, what="its work", poll=_POLL_S)
    with breaking.frozen(worker.pid):
        before = worker.delivered
        came = len(ground.wait_for_events(seconds))
        taken = worker.delivered - before
    told = f"{worker.name} was frozen for {seconds:.1f} s, and took {taken} of {came} events"
    return took_effect(told, happened=not taken)


@fault
def bug_in_worker(ground: Ground) -> str:
    """Let a worker run into a bug of its own."""
    crew = ground.stage.crew
    before = crew.exits().count(OWN_ERROR)
    ground.stage.order("bug")
    wait_until(lambda: crew.exits().count(OWN_ERROR) > before, _PATIENCE_S, what="it ends")
    return f"a bug ended a worker, status {OWN_ERROR}"


@fault
def block_loop(ground: Ground) -> str:
    """Block the event loop of a worker."""
    return _stall(ground, "blocks_loop")


@fault
def hold_gil(ground: Ground) -> str:
    """Let no thread of a worker run."""
    return _stall(ground, "holds_gil")


def _stall(ground: Ground, flaw: str) -> str:
    before = ground.stage.crew.log().count(STALLED)
    ground.stage.order(flaw)
    wait_until(
        lambda: ground.stage.crew.log().count(STALLED) > before,
        _PATIENCE_S,
        what=f"a stall: {flaw}",
        poll=_POLL_S,
    )
    return f"a worker stalled for {STALL_S} s: {flaw}"


@fault
def set_clock(ground: Ground) -> str:
    """Let the first worker's clock be off for a while."""
    first = ground.stage.crew.workers[0]
    off, seconds = ground.random.randint(-_HOUR_S, _DAY_S), ground.seconds(5)
    said = f"{CLOCK} {off} s"
    breaking.set_clock(ground.clock, off)
    try:
        time.sleep(seconds)
        wait_until(lambda: first.said(said), _PATIENCE_S, what=said, poll=_POLL_S)
    finally:
        breaking.set_clock(ground.clock, 0)
    return f"a worker's clock was off by {off:+,} s for {seconds:.1f} s, and it went by it"


@fault
def join_and_leave(ground: Ground) -> str:
    """Let another worker come, and go a while after it was given work."""
    return _join(ground)[1]


@fault
def guest_without_log(ground: Ground) -> str:
    """Let another worker come, whose log nobody reads."""
    guest, told = _join(ground, "blocked_log")
    return took_effect(f"{told}, its log unread", happened=not guest.said("UpNext worker"))


def _join(ground: Ground, *flaws: str) -> tuple[Worker, str]:
    seconds = ground.seconds(10, 0)
    guest = ground.stage.start_worker(flaws=flaws)
    try:
        guest.wait_until_it_has_work()
        time.sleep(seconds)
    finally:
        status = guest.leave()
    return guest, f"{guest.name} came, took {guest.delivered} events, left with status {status}"


@fault
def swap_model(ground: Ground) -> str:
    """Activate the other model, and refresh everybody once the workers follow, as a night."""
    stage = ground.stage
    stage.activate(stage.world.other if stage.model is stage.world.model else stage.world.model)
    wait_until_followed(stage)
    serving = Serving(stage.model, stage.active.version, stage.active.activation)
    users = [(user, UserHistory.empty()) for user in sorted(stage.users_in_redis())]
    written = refresh(stage.stores.users, serving, users).written
    told = f"another model is active, {written} users got a list by it"
    return took_effect(told, happened=written > 0)


@fault
def damage_model(ground: Ground) -> str:
    """Activate a model that is damaged, and a good one once a worker has refused it."""
    fault = ground.random.choice(("mixed up", "missing", "flipped", "no manifest"))
    stage, number = ground.stage, ground.stage.active.activation + 1
    point_at_damaged(stage.stores, stage.world.other, fault, number)
    try:
        wait_until(lambda: any(b.trouble for b in beats(stage)), _PATIENCE_S, what="a refusal")
        time.sleep(ground.seconds(3))
    finally:
        mended = swap_model(ground)
    return f"a damaged model ({fault}) was refused; {mended}"


@fault
def send_rubbish(ground: Ground) -> str:
    """Send payloads that are no events."""
    return f"{len(rubbish(ground))} payloads that are no events"


def rubbish(ground: Ground) -> set[tuple[int, int]]:
    """Send payloads that are no events; gives where they stand in the topic."""
    count, ledger = ground.random.randint(1, 50), ground.stage.ledger
    before = len(ledger.entries)
    for _ in range(count):
        ledger.send_bytes(ground.random.randbytes(40))

    def places() -> set[tuple[int, int]]:
        return {entry.place for entry in ledger.entries[before:] if entry.event is None}

    wait_until(lambda: len(places()) == count, _PATIENCE_S, what="rubbish in the topic")
    return places()


@fault
def send_again(ground: Ground) -> str:
    """Send events that were sent before, in another order."""
    ledger = ground.stage.ledger
    known = [entry.event for entry in ledger.entries[-500:] if entry.event]
    again, before = ground.random.sample(known, min(50, len(known))), len(ledger.entries)
    for event in again:
        ledger.send(event)
    same = {id(event) for event in again}  # as good as new ones may be equal
    wait_until(
        lambda: sum(id(entry.event) in same for entry in ledger.entries[before:]) >= len(again),
        _PATIENCE_S,
        what="events in the topic again",
    )
    return took_effect(f"{len(again)} events again, in another order", happened=bool(again))
