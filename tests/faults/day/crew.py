"""Workers under a supervisor: real processes, started again whenever they end by themselves."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from deploy.embedded.leash import Leashed
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_LOOK_S: Final = 0.1
_GRACE_S: Final = 5.0
_PATIENCE_S: Final = 60.0
LAUNCHER: Final = (sys.executable, "-m", "tests.faults.day.launcher")


class Worker:
    """One worker, through all its lives.

    Parameters
    ----------
    name
        Of its log, and its static member id where it has one.
    folder
        Takes its log and its notes.
    flags
        Of ``upnext worker``.
    flaws
        What the launcher puts wrong in it; see `tests.faults.day.launcher`.
    env
        The process's environment.

    Attributes
    ----------
    exits
        Exit status of each life that ended by itself.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        flags: Mapping[str, str],
        flaws: Sequence[str],
        env: Mapping[str, str],
    ) -> None:
        options = [part for flag, value in flags.items() for part in (f"--{flag}", value)]
        self.name = name
        self.log = folder / f"{name}.log"
        self.notes = folder / f"{name}.notes"
        self.exits: list[int] = []
        self._command = [*LAUNCHER, str(self.notes), *flaws, "--", "worker", *options]
        self._env = env
        self._lock = threading.Lock()
        self._process: Leashed | None = None

    @property
    def pid(self) -> int:
        """Process id of its present life."""
        assert self._process is not None, f"{self.name} was told to end"
        return self._process.pid

    @property
    def has_work(self) -> bool:
        """Whether it was ever handed an event."""
        return self.notes.exists() and self.notes.stat().st_size > 0

    @property
    def delivered(self) -> int:
        """How many events it was handed, counting each time."""
        return len(self.deliveries)

    @property
    def deliveries(self) -> list[tuple[int, int]]:
        """Partition and offset of every message that it was handed, each time again."""
        return _places(self.notes)

    @property
    def is_in_a_batch(self) -> bool:
        """Whether it has taken a batch that it isn't done with."""
        lines = self.notes.read_text().splitlines() if self.has_work else []
        return bool(lines) and lines[-1].startswith(f"+ {self.pid} ")

    def said(self, words: str) -> int:
        """Count how often its log says something."""
        return self.log.read_text().count(words) if self.log.exists() else 0

    def start(self) -> None:
        """Begin a life."""
        with self._lock:
            self._process = Leashed(self._command, log=self.log, env=self._env, grace=_GRACE_S)

    def start_again_if_ended(self) -> None:
        """Do what a supervisor does."""
        with self._lock:
            status = self._process.poll() if self._process else None
            if self._process and status is not None:
                self.exits.append(status)
                self._process.close()
                self._process = Leashed(self._command, log=self.log, env=self._env, grace=_GRACE_S)

    def signal(self, number: signal.Signals) -> None:
        """Send the worker a signal; the supervisor starts it again if it ends."""
        assert self._process is not None
        self._process.kill(number)

    def wait_until_in_a_batch(self) -> None:
        """Wait for the moment when it has work in hand."""
        wait_until(lambda: self.is_in_a_batch, what=f"{self.name} is in a batch")

    def wait_until_it_has_work(self) -> None:
        """Wait until it was handed events."""
        wait_until(lambda: self.has_work, _PATIENCE_S, what=f"{self.name} has work")

    def wait_until_started_again(self) -> None:
        """Wait until it has ended by itself and its next life has begun."""
        wait_until(lambda: self.exits, _PATIENCE_S, what=f"{self.name} was started again")

    def freeze(self) -> bool:
        """Let it stand still until SIGCONT; tells whether it has a batch in hand."""
        self.signal(signal.SIGSTOP)
        return self.is_in_a_batch

    def leave(self) -> int:
        """End it for good with SIGTERM, as an orchestrator does; gives the exit status."""
        with self._lock:
            assert self._process is not None
            process, self._process = self._process, None
        process.kill(signal.SIGTERM)
        try:
            return process.wait(_PATIENCE_S)
        finally:
            process.close()

    def close(self) -> None:
        """End it, however it is."""
        with self._lock:
            if self._process is not None:
                self._process.kill(signal.SIGCONT)
                self._process.close()
                self._process = None


class Crew:
    """All workers of a stage, and their supervisor."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self._closed = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def _supervise(self) -> None:
        while not self._closed.wait(_LOOK_S):
            for worker in list(self.workers):
                worker.start_again_if_ended()

    def add(self, worker: Worker) -> Worker:
        """Start a worker, and look after it from now on."""
        worker.start()
        self.workers.append(worker)
        return worker

    def delivered(self) -> list[tuple[int, int]]:
        """Partition and offset of every message that any worker was handed, each time again."""
        return [place for worker in self.workers for place in worker.deliveries]

    def exits(self) -> list[int]:
        """Give the exit status of each life that ended by itself, of any worker."""
        return [status for worker in self.workers for status in worker.exits]

    def wait_for_an_end(self, bring_about: Callable[[], None]) -> None:
        """Bring an end about, and wait until that worker was started again."""
        before = len(self.exits())
        bring_about()
        wait_until(lambda: len(self.exits()) > before, _PATIENCE_S, what="a worker ends")

    def log(self) -> str:
        """Give what all workers said."""
        return "".join(worker.log.read_text(errors="replace") for worker in self.workers)

    def close(self) -> None:
        """End all workers, at the same time."""
        self._closed.set()
        self._supervisor.join()
        ends = [threading.Thread(target=worker.close) for worker in self.workers]
        for end in ends:
            end.start()
        for end in ends:
            end.join()


def _places(notes: Path) -> list[tuple[int, int]]:
    """Read where the messages stood that a worker was handed, each time again."""
    lines = notes.read_text().splitlines() if notes.exists() else []
    words = [word.split(":") for line in lines if line[0] == "+" for word in line.split()[2:]]
    return [(int(partition), int(offset)) for partition, offset in words]
