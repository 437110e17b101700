"""Break things at random under a steady load, for minutes, and count at the end: `make chaos`."""

from __future__ import annotations

import argparse
import random
import re
import secrets
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deploy.embedded.kafka import EmbeddedKafka
from tests.faults.day import breaking, chaos_in_servers, chaos_in_workers, checker
from tests.faults.day.chaos_ground import FAULTS, STALL_S, Ground, attempt
from tests.faults.day.fail_over import FailOver
from tests.faults.day.far_broker_rows import far_broker, start_workers
from tests.faults.day.stage import Stage
from tests.integration.world import make_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.day.chaos_ground import Fault
    from tests.faults.day.checker import Counts

__all__ = ["chaos_in_servers", "chaos_in_workers"]  # importing them enters their faults
_LOAD_S: Final = 7200.0
_SETTLE_S: Final = 120.0


class Chaos:
    """Draws faults, one after the other, and tells a timeline.

    All have their turn, in another order each time, before any has its next.

    Parameters
    ----------
    ground
        What is broken; the same seed of its numbers gives the same faults in the same order.
    faults
        What is drawn from.

    Attributes
    ----------
    played
        Each fault that was played, by its name, and whether it took effect.
    """

    def __init__(self, ground: Ground, faults: Sequence[Fault]) -> None:
        self._ground, self._faults = ground, faults
        self._began = time.monotonic()
        self.played: list[tuple[str, bool]] = []

    def go_on_for(self, seconds: float) -> None:
        """Break one thing after the other under load, until so many seconds have passed."""
        with self._ground.stage.load(_LOAD_S):
            for fault in self._drawn():
                if time.monotonic() - self._began > seconds:
                    return
                told, happened = attempt(fault, self._ground)
                self.played.append((fault.__name__, happened))
                self.tell(told)
                time.sleep(self._ground.seconds(6, 1))

    @property
    def without_effect(self) -> list[str]:
        """Name the faults that took no effect, so that the run proves less than it should."""
        return [name for name, happened in self.played if not happened]

    def _drawn(self) -> Iterator[Fault]:
        while True:
            yield from self._ground.random.sample(self._faults, len(self._faults))

    def tell(self, what: str) -> None:
        """Write a line of the timeline."""
        stage = self._ground.stage
        stage.letters.read()
        sent, waiting = len(stage.ledger.entries), stage.pending()
        at = time.monotonic() - self._began
        print(f"{at:6.1f} s  {what:<68} {sent:>7,} sent, {waiting:>5,} waiting", flush=True)  # noqa: T201 - a command

    def tell_lost(self) -> None:
        """Tell of each lost message: sent when, given to whom, whether Redis ever had it."""
        stage = self._ground.stage
        for entry in checker.lost(stage):
            seen = stage.witness.seen.get(entry.place)
            given = [w.name for w in stage.crew.workers if entry.place in set(w.deliveries)]
            at = f"sent at {entry.sent_at - self._began:.1f} s"
            had = f"in Redis at {seen - self._began:.1f} s" if seen else "never seen in Redis"
            print(f"lost: {entry.place} {at}, given to {given}, {had}: {entry.event}")  # noqa: T201 - a command


@contextmanager
def ground(stage: Stage, seed: int, flaws: Sequence[str] = ()) -> Iterator[Ground]:
    """Set everything up: a broker with a way that can be broken, two Redis, two workers.

    Parameters
    ----------
    stage
        On a broker of its own.
    seed
        Of what is drawn.
    flaws
        Of the workers, beside those that wait for an order.
    """
    clock = stage.folder / "clock"
    breaking.set_clock(clock, 0)
    with FailOver(stage.redis, stage.folder / "replica") as pair, far_broker(stage) as far:
        stage.move_to(pair.front.url)
        stalls = [f"{flaw}={STALL_S}" for flaw in ("blocks_loop", "holds_gil")]
        start_workers(stage, far, ["bug", *stalls, *flaws], [f"clock={clock}"])
        yield Ground(stage, pair, far, clock, random.Random(seed))


def complaints(chaos: Chaos, counts: Counts) -> list[str]:
    """Say what is wrong with a run; nothing if it proves that all is right."""
    parts = [
        "" if counts.is_exact else "not exact",
        f"without effect: {', '.join(chaos.without_effect)}" if chaos.without_effect else "",
    ]
    return [part for part in parts if part]


def main() -> None:
    """Be the command."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", default="", help="faults whose name this expression finds")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if re.search(options.only, fault.__name__)]
    if not faults:
        parser.error(f"no fault is named so; there are {', '.join(f.__name__ for f in FAULTS)}")
    folder = Path(tempfile.mkdtemp(prefix="upnext-chaos-"))
    print(  # noqa: T201 - a command
        f"seed {options.seed}, {options.minutes:g} minutes, {len(faults)} kinds of faults; "
        f"logs in {folder}",
        flush=True,
    )
    with (
        EmbeddedKafka(keep_in=folder / "kafka") as kafka,
        Stage(kafka, make_world(), folder / "stage") as stage,
        ground(stage, options.seed) as broken,
    ):
        chaos = Chaos(broken, faults)
        chaos.go_on_for(60 * options.minutes)
        counts = stage.count(_SETTLE_S)
        chaos.tell("the end")
        counts = checker.with_steps_back(stage, counts)
        chaos.tell_lost()
    print(counts)  # noqa: T201 - a command
    if found := complaints(chaos, counts):
        only = f" --only '{options.only}'" if options.only else ""
        again = f"--seed {options.seed} --minutes {options.minutes:g}{only}"
        sys.exit(f'{"; ".join(found)}; again with ARGS="{again}"')
    print(f"{len(chaos.played)} faults, all of which took effect")  # noqa: T201 - a command
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
