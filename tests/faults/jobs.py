"""Jobs: the tests' side of `tests.faults.runner`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from tests.faults.runner import PATIENCE_S, Job
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


class Ended(NamedTuple):
    """What became of a child: its exit status (minus the signal that killed it), and its words."""

    status: int
    out: str
    err: str

    def line(self) -> dict[str, Any]:
        """Read the one line of JSON that is all of stdout."""
        assert self.out.count("\n") == 1, self
        line: dict[str, Any] = json.loads(self.out)
        assert line["exit_code"] == self.status
        return line


class Child(NamedTuple):
    """A command that runs; its folder tells of it."""

    folder: Path

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(int((self.folder / "pid").read_text()), number)

    def points(self) -> list[str]:
        """Name the points that it passed."""
        return (self.folder / "points").read_text().splitlines()

    def is_at(self, point: str) -> Self:
        """Wait until it comes to a point."""
        self._wait_for("points")
        wait_until(lambda: point in self.points(), PATIENCE_S, what=point)
        return self

    def go_on(self) -> None:
        """Let it go on from the point where it waits."""
        (self.folder / "go").touch()

    def is_stopped(self) -> Self:
        """Wait until it was stopped by SIGSTOP."""
        self._wait_for("stopped")
        return self

    def ended(self) -> Ended:
        """Wait for its end."""
        status = int(self._wait_for("status").read_text())
        return Ended(status, (self.folder / "out").read_text(), (self.folder / "err").read_text())

    def _wait_for(self, name: str) -> Path:
        file = self.folder / name
        wait_until(file.exists, PATIENCE_S, what=str(file))
        return file


class Jobs:
    """Starts children; all that are left end with it.

    Parameters
    ----------
    folder
        Where the children tell of themselves, each in a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._runner = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.runner"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def start(self, *arguments: object, **more: Any) -> Child:  # noqa: ANN401 - fields of a job
        """Start a command; `more` are fields of `Job`."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        job = Job(folder=str(folder), arguments=[str(a) for a in arguments], **more)
        assert self._runner.stdin is not None
        self._runner.stdin.write(msgspec.json.encode(job) + b"\n")
        self._runner.stdin.flush()
        return Child(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._runner.pid, signal.SIGKILL)
        self._runner.communicate()
