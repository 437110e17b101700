"""Runs the command line in children that are disturbed: ``python -m tests.faults.runner``.

Each line of stdin is a `Job`. A child of this process does it, which is quick, as everything is
imported already. A warden beside it writes into the job's folder: ``stopped`` when the child was
stopped, and ``status`` when it ended. The child itself writes its ``pid``, ``out``, ``err``, and
``points``: the names of all points that it passed, one a line.

A point is named after its stage, and stands where that begins (``Clean up``), before a packet to
Redis (``Clean up, packet 1``), or before a file is moved to its place (``Clean up, move 1``). What
comes before the first stage is called ``Begin``.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import redis
import rich.traceback

from batch_training.night_report import NightReport
from batch_training.report import render
from data.model_lock import TTL_S, ModelLock
from deploy import cli, night_summary
from deploy.narrator import Narrator
from deploy.night import outcome
from stream_inference import refresh
from tests.waiting import wait_until

PATIENCE_S = 60.0  # for anything that takes moments on a quiet machine
USERS_PER_BATCH = 12  # of the refresh, so that it has many steps to die at
PATCH = pytest.MonkeyPatch()  # never undone: the child ends
_IMPORTED_EARLY = (night_summary, outcome, rich.traceback)  # for all children


class Job(msgspec.Struct, kw_only=True):
    """What a child does, and what happens to it.

    Attributes
    ----------
    folder
        Where it tells of itself.
    arguments
        Of the command line.
    at, signal
        Point where it sends itself a signal, and which; 0 to wait there for a file ``go``.
    ttl_s
        Of its lock.
    file_bytes
        No file may grow beyond this many bytes; 0 for no limit.
    ignored
        Signals that are ignored when it begins, as a shell or ``nohup`` leaves them.
    """

    folder: str
    arguments: list[str]
    at: str = ""
    signal: int = 0
    ttl_s: float = TTL_S
    file_bytes: int = 0
    ignored: tuple[int, ...] = ()


class Points:
    """Writes down each point that is passed, and does at the chosen one what the job says."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._stage, self._counts = "Begin", Counter[str]()
        self._file = os.open(Path(job.folder, "points"), os.O_WRONLY | os.O_CREAT, 0o600)

    def begin(self, stage: str) -> None:
        """Begin a stage."""
        self._stage = stage
        self._counts.clear()
        self._pass(stage)

    def step(self, kind: str) -> None:
        """Pass a point of the present stage."""
        self._counts[kind] += 1
        self._pass(f"{self._stage}, {kind} {self._counts[kind]}")

    def _pass(self, name: str) -> None:
        os.write(self._file, f"{name}\n".encode())
        if self._job.at == name and self._job.signal:
            os.kill(os.getpid(), self._job.signal)
        elif self._job.at == name:
            wait_until(Path(self._job.folder, "go").exists, PATIENCE_S)


def disturb(points: Points) -> None:
    """Pass a point where a stage begins, before each packet to Redis, and before each move."""
    begin_stage, send = Narrator.stage, redis.Connection.send_packed_command
    replace = os.replace

    def stage(narrator: Narrator, name: str) -> None:
        begin_stage(narrator, name)
        points.begin(name)

    def packet(connection: redis.Connection, command: object, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's signature
        if threading.current_thread() is threading.main_thread():
            points.step("packet")  # when another thread renews the lock is up to chance
        send(connection, command, check_health)  # type: ignore[no-untyped-call]  # the library's

    def move(source: Path, target: Path) -> None:
        points.step("move")
        replace(source, target)

    PATCH.setattr(os, "replace", move)
    PATCH.setattr(Narrator, "stage", stage)
    PATCH.setattr(redis.Connection, "send_packed_command", packet)


def do(job: Job) -> None:
    """Do a job in this process."""
    folder = Path(job.folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    for number in job.ignored:
        signal.signal(number, signal.SIG_IGN)
    PATCH.setattr(ModelLock.__init__, "__kwdefaults__", {"ttl_s": job.ttl_s})
    PATCH.setattr(refresh, "BATCH", USERS_PER_BATCH)
    disturb(Points(job))
    (folder / "pid").write_text(str(os.getpid()))
    if job.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_bytes, job.file_bytes))
    sys.argv = ["upnext", *job.arguments]
    cli.main()


def watch_over(job: Job) -> None:
    """Let a child do a job, and write down what becomes of it."""
    child = os.fork()
    if not child:
        do(job)
        sys.exit(0)
    folder = Path(job.folder)
    status = _wait(child)
    while os.WIFSTOPPED(status):
        (folder / "stopped").touch()
        status = _wait(child)
    (folder / "status.new").write_text(str(os.waitstatus_to_exitcode(status)))
    (folder / "status.new").rename(folder / "status")
    os._exit(0)


def _wait(child: int) -> int:
    return os.waitpid(child, os.WUNTRACED)[1]


def main() -> None:
    """Take jobs until stdin ends."""
    render(NightReport(started_at=0))  # compiles the templates, once for all children
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a warden
    for line in sys.stdin:
        job = msgspec.json.decode(line, type=Job)
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            watch_over(job)


if __name__ == "__main__":
    main()
