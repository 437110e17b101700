"""Break things at random under a steady load, for minutes, and count at the end: `make chaos`."""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.user_history import UserHistory
from deploy.embedded.kafka import EmbeddedKafka
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests.faults.day.stage import SESSION_S, Stage
from tests.integration.world import make_world
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.day.crew import Worker

_LOAD_S: Final = 7200.0
_SETTLE_S: Final = 120.0
_FOLLOWS_S: Final = 60.0


class Chaos:
    """Draws faults, one after the other, and tells a timeline.

    Parameters
    ----------
    stage
        With its workers.
    seed
        The same seed draws the same faults, in the same order and with the same lengths.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._random = random.Random(seed)
        self._began = time.monotonic()
        self.faults: list[Callable[[], str]] = [
            self.kill_worker,
            self.stop_worker,
            self.freeze_worker,
            self.join_and_leave,
            self.restart_broker,
            self.kill_broker,
            self.freeze_broker,
            self.kill_redis,
            self.freeze_redis,
            self.swap_model,
            self.send_rubbish,
            self.send_again,
        ]

    def go_on_until(self, seconds: float) -> None:
        """Break one thing after the other until so many seconds have passed."""
        while time.monotonic() - self._began < seconds:
            fault = self._random.choice(self.faults)
            self.tell(fault())
            time.sleep(self._random.uniform(1, 8))

    def tell(self, what: str) -> None:
        """Write a line of the timeline."""
        self._stage.letters.read()
        sent, waiting = len(self._stage.ledger.entries), self._stage.pending()
        at = time.monotonic() - self._began
        print(f"{at:6.1f} s  {what:<55} {sent:>7,} sent, {waiting:>5,} waiting", flush=True)  # noqa: T201 - a command

    def _worker(self) -> Worker:
        return self._random.choice(self._stage.crew.workers[:2])

    def kill_worker(self) -> str:
        """Kill a worker; the supervisor starts it again."""
        worker = self._worker()
        worker.signal(signal.SIGKILL)
        return f"{worker.name} is killed"

    def stop_worker(self) -> str:
        """Ask a worker to end; the supervisor starts it again."""
        worker = self._worker()
        worker.signal(signal.SIGTERM)
        return f"{worker.name} is stopped"

    def freeze_worker(self) -> str:
        """Freeze a worker, at times for longer than its session lasts."""
        worker, seconds = self._worker(), self._random.uniform(1, 2 * SESSION_S)
        worker.signal(signal.SIGSTOP)
        time.sleep(seconds)
        worker.signal(signal.SIGCONT)
        return f"{worker.name} was frozen for {seconds:.1f} s"

    def join_and_leave(self) -> str:
        """Let another worker come for some seconds."""
        seconds = self._random.uniform(1, 15)
        guest = self._stage.start_worker()
        time.sleep(seconds)
        guest.leave()
        return f"{guest.name} came, and left after {seconds:.1f} s"

    def restart_broker(self) -> str:
        """Stop the broker and start it again."""
        return self._broker_away("stopped", self._stage.kafka.stop)

    def kill_broker(self) -> str:
        """Kill the broker and start it again."""
        return self._broker_away("killed", self._stage.kafka.kill)

    def _broker_away(self, how: str, end: Callable[[], None]) -> str:
        seconds = self._random.uniform(0, 2 * SESSION_S)
        end()
        time.sleep(seconds)
        self._stage.kafka.start()
        return f"the broker was {how}, and away for {seconds:.1f} s and its start"

    def freeze_broker(self) -> str:
        """Freeze the broker."""
        return self._freeze("the broker", self._stage.kafka.pid)

    def freeze_redis(self) -> str:
        """Freeze Redis."""
        return self._freeze("Redis", self._stage.redis.pid)

    def _freeze(self, what: str, pid: int) -> str:
        seconds = self._random.uniform(0.5, 5)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        return f"{what} was frozen for {seconds:.1f} s"

    def kill_redis(self) -> str:
        """Kill Redis and start it again with its data."""
        seconds = self._random.uniform(0, 10)
        self._stage.redis.kill()
        time.sleep(seconds)
        self._stage.redis.start()
        return f"Redis was killed, and away for {seconds:.1f} s"

    def swap_model(self) -> str:
        """Activate the other model, and refresh everybody once the workers follow, as a night."""
        world, stage = self._stage.world, self._stage
        stage.activate(world.other if stage.model is world.model else world.model)
        active = stage.active
        wait_until(
            lambda: all(b.activation == active.activation for b in stage.stores.heartbeats.alive()),
            _FOLLOWS_S,
            what="all workers follow the model",
            poll=0.2,
        )
        serving = Serving(stage.model, active.version, active.activation)
        users = [(user, UserHistory.empty()) for user in sorted(stage.users_in_redis())]
        refresh(stage.stores.users, serving, users)
        return f"the model is {active.version} now; {len(users)} users refreshed"

    def send_rubbish(self) -> str:
        """Send payloads that are no events."""
        count = self._random.randint(1, 50)
        for _ in range(count):
            self._stage.ledger.send_bytes(self._random.randbytes(40))
        return f"{count} payloads that are no events"

    def send_again(self) -> str:
        """Send events that were sent before, in another order."""
        known = [entry.event for entry in self._stage.ledger.entries[-500:] if entry.event]
        again = self._random.sample(known, min(50, len(known)))
        for event in again:
            self._stage.ledger.send(event)
        return f"{len(again)} events again, in another order"


def main() -> None:
    """Be the command."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="upnext-chaos-"))
    print(f"seed {options.seed}, {options.minutes:g} minutes; logs in {folder}", flush=True)  # noqa: T201 - a command
    with (
        EmbeddedKafka(keep_in=folder / "kafka") as kafka,
        Stage(kafka, make_world(), folder / "stage") as stage,
    ):
        stage.start_workers(2)
        chaos = Chaos(stage, options.seed)
        with stage.load(_LOAD_S):
            chaos.go_on_until(60 * options.minutes)
        counts = stage.count(_SETTLE_S)
        chaos.tell("the end")
    print(counts)  # noqa: T201 - a command
    if not counts.is_exact:
        sys.exit(
            f"not exact; again with ARGS='--seed {options.seed} --minutes {options.minutes:g}'"
        )


if __name__ == "__main__":
    main()
