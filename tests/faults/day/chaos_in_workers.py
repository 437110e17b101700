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
from tests.faults.day.flaws import STALLED
from tests.faults.day.model_rows import beats, wait_until_followed
from tests.faults.day.stage import SESSION_S
from tests.integration.damaged import point_at_damaged
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.day.chaos_ground import Ground

_PATIENCE_S: Final = 60.0
_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600


@fault
def kill_worker(ground: Ground) -> str:
    """Kill a worker; the supervisor starts it again."""
    worker = ground.worker()
    worker.signal(signal.SIGKILL)
    return f"{worker.name} is killed"


@fault
def stop_worker(ground: Ground) -> str:
    """Ask a worker to end; the supervisor starts it again."""
    worker = ground.worker()
    worker.signal(signal.SIGTERM)
    return f"{worker.name} is stopped"


@fault
def freeze_worker(ground: Ground) -> str:
    """Freeze a worker, at times for longer than its session lasts."""
    worker, seconds = ground.worker(), ground.seconds(2 * SESSION_S)
    worker.signal(signal.SIGSTOP)
    time.sleep(seconds)
    worker.signal(signal.SIGCONT)
    return f"{worker.name} was frozen for {seconds:.1f} s"


@fault
def bug_in_worker(ground: Ground) -> str:
    """Let a worker run into a bug of its own."""
    ground.stage.crew.wait_for_an_end(lambda: ground.stage.order("bug"))
    return f"a bug ended a worker, status {ground.stage.crew.exits()[-1]}"


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
    wait_until(lambda: ground.stage.crew.log().count(STALLED) > before, _PATIENCE_S, poll=0.2)
    return f"a worker stalled for {STALL_S} s: {flaw}"


@fault
def set_clock(ground: Ground) -> str:
    """Let the first worker's clock be off for a while."""
    off, seconds = ground.random.randint(-_HOUR_S, _DAY_S), ground.seconds(5)
    breaking.set_clock(ground.clock, off)
    time.sleep(seconds)
    breaking.set_clock(ground.clock, 0)
    return f"a worker's clock was off by {off:+,} s for {seconds:.1f} s"


@fault
def join_and_leave(ground: Ground) -> str:
    """Let another worker come for some seconds."""
    return _guest(ground)


@fault
def guest_without_log(ground: Ground) -> str:
    """Let another worker come, whose log nobody reads."""
    return _guest(ground, "blocked_log")


def _guest(ground: Ground, *flaws: str) -> str:
    seconds = ground.seconds(15, 1)
    guest = ground.stage.start_worker(flaws=flaws)
    time.sleep(seconds)
    status = guest.leave()
    return f"{guest.name} came for {seconds:.1f} s, status {status} {' '.join(flaws)}"


@fault
def swap_model(ground: Ground) -> str:
    """Activate the other model, and refresh everybody once the workers follow, as a night."""
    stage = ground.stage
    stage.activate(stage.world.other if stage.model is stage.world.model else stage.world.model)
    wait_until_followed(stage)
    serving = Serving(stage.model, stage.active.version, stage.active.activation)
    users = [(user, UserHistory.empty()) for user in sorted(stage.users_in_redis())]
    refresh(stage.stores.users, serving, users)
    return f"another model is active, {len(users)} users refreshed"


@fault
def damage_model(ground: Ground) -> str:
    """Activate a model that is damaged, and a good one once a worker has refused it."""
    fault = ground.random.choice(("mixed up", "missing", "flipped", "no manifest"))
    stage, number = ground.stage, ground.stage.active.activation + 1
    point_at_damaged(stage.stores, stage.world.other, fault, number)
    wait_until(lambda: any(b.trouble for b in beats(stage)), _PATIENCE_S, what="a refusal")
    time.sleep(ground.seconds(3))
    return f"a damaged model ({fault}); {swap_model(ground)}"


@fault
def send_rubbish(ground: Ground) -> str:
    """Send payloads that are no events."""
    count = ground.random.randint(1, 50)
    for _ in range(count):
        ground.stage.ledger.send_bytes(ground.random.randbytes(40))
    return f"{count} payloads that are no events"


@fault
def send_again(ground: Ground) -> str:
    """Send events that were sent before, in another order."""
    known = [entry.event for entry in ground.stage.ledger.entries[-500:] if entry.event]
    again = ground.random.sample(known, min(50, len(known)))
    for event in again:
        ground.stage.ledger.send(event)
    return f"{len(again)} events again, in another order"
