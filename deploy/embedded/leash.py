"""A child process that can't outlive the one that started it.

`Leashed` starts this file as a small process of its own between the two: the leash. It holds the
child in a session apart, so that neither Ctrl-C nor a kill of the parent's group reaches them, and
ends the child when its standard input closes. The kernel closes that in whatever way the parent
ends, SIGKILL included.

By hand: `python -m deploy.embedded.leash [--scratch DIR] [--grace SECONDS] -- COMMAND...`. The
child writes to the leash's standard error; on standard output stands the child's process id alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

_LET_GO = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_WATCHED = _LET_GO | {signal.SIGCHLD}
_TAIL_BYTES = 4096


class Leashed:
    """A child process on a leash, started on construction.

    Parameters
    ----------
    command
        The program and its arguments.
    log
        The file that takes what the child writes, appended.
    scratch
        A folder to remove once the child has ended.
    grace
        Seconds between SIGTERM and SIGKILL when the child is stopped.
    env
        The child's environment; this process's own by default.

    Raises
    ------
    ChildProcessError
        If the command can't be started.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        scratch: Path | None = None,
        grace: float = 10.0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        options = ["--grace", str(grace)]
        if scratch is not None:
            options += ["--scratch", str(scratch)]
        self.log = log
        # Kept open: the log can be read even after it went with the scratch folder.
        self._log = log.open("a+b")
        # -I and -S: the leash needs the standard library alone, and starts in a moment.
        self._leash = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *options, "--", *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            env=env,
        )
        self.pid = self._child_pid()

    def _child_pid(self) -> int:
        line = self._leash.stdout.readline() if self._leash.stdout else b""
        if not line:
            self.stop()
            message = self.log_tail()
            self._log.close()
            raise ChildProcessError(message)
        return int(line)

    def poll(self) -> int | None:
        """Give the exit status as a shell does (128 + n for signal n), None while it runs."""
        return self._leash.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the child has ended by itself and give its exit status, as `poll`.

        Raises
        ------
        subprocess.TimeoutExpired
            If that takes more than `timeout` seconds.
        """
        return self._leash.wait(timeout)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send the child itself a signal; nothing happens if it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self) -> int:
        """End the child if it still runs and give its exit status, as `poll`."""
        self._leash.communicate()  # closes the leash's input and waits for it
        return self._leash.returncode

    def close(self) -> None:
        """Stop, and let go of the log; closing twice does no harm."""
        self.stop()
        self._log.close()

    def log_tail(self) -> str:
        """Give the last lines that the child wrote."""
        size = os.fstat(self._log.fileno()).st_size
        tail = os.pread(self._log.fileno(), _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        return tail.decode(errors="replace").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command on a leash and give its exit status, as `Leashed.poll`."""
    parser = argparse.ArgumentParser(prog="leash", description="Ends a command when stdin closes.")
    parser.add_argument("--scratch", type=Path, help="folder to remove at the end")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds from SIGTERM to SIGKILL")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    try:
        return _run(options.command, options.grace)
    except OSError as error:
        # 127 is what a shell says of a command that it can't find.
        parser.exit(127, f"Can't start {options.command[0]}: {error.strerror}\n")
    finally:
        if options.scratch is not None:
            shutil.rmtree(options.scratch, ignore_errors=True)


def _run(command: Sequence[str], grace: float) -> int:
    # Blocked signals wait for sigwait, so none can come between two lines of this function. Without
    # a handler some systems drop SIGCHLD even so.
    signal.signal(signal.SIGCHLD, _nothing)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=_unblock,  # noqa: PLW1509 - safe: there are no threads yet
    )
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=_let_go_when_input_ends, daemon=True).start()
    # SIGCHLD also tells of a child that was stopped or continued.
    while child.poll() is None and signal.sigwait(_WATCHED) not in _LET_GO:
        pass
    _end(child, grace)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Take a signal that `sigwait` has not taken."""


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)


def _let_go_when_input_ends() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _end(child: subprocess.Popen[bytes], grace: float) -> None:
    """Ask the child's whole group to end, and end what is left of it after `grace` seconds."""
    _signal_group(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace)
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    # macOS says "not permitted" of a group whose members have all ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main())
