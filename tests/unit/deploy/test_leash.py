"""The leash: a child ends with its parent, whatever way that one ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.embedded.leash import Leashed
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

WAITS = "import signal; print('ready', flush=True); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"
FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
CALLER = f"import socket, sys; s = socket.create_connection(('127.0.0.1', sys.argv[1])); {STUBBORN}"
PARENT = """
import signal, sys
from pathlib import Path
from deploy.embedded.leash import Leashed
scratch = Path(sys.argv[1])
child = [sys.executable, "-c", sys.argv[2]]
leashed = Leashed(child, log=scratch / "log", scratch=scratch, grace=0.1)
print(leashed.pid, flush=True)
signal.pause()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("child", [WAITS, STUBBORN], ids=["willing", "stubborn"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_child_ends_with_parent(scratch: Path, child: str, end: signal.Signals) -> None:
    """However the parent's process group ends, the child is gone and so is the scratch folder."""
    command = [*python(PARENT), str(scratch), child]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: "ready" in (scratch / "log").read_text(), what="the child's first word")
        assert is_alive(pid)
        os.killpg(parent.pid, end)
    wait_until(lambda: not is_alive(pid), what="the end of the child")
    wait_until(lambda: not scratch.exists(), what="the removal of the scratch folder")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_leash_ends_the_child(scratch: Path, end: signal.Signals) -> None:
    """A leash that is told to end takes the child along and says so in its status."""
    command = [sys.executable, "-m", "deploy.embedded.leash", "--scratch", str(scratch), "--"]
    with subprocess.Popen(
        [*command, *python(WAITS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as leash:
        assert leash.stdout is not None
        assert leash.stderr is not None
        pid = int(leash.stdout.readline())
        assert leash.stderr.readline() == b"ready\n"
        leash.send_signal(end)
        assert leash.wait(10) == 128 + signal.SIGTERM
    assert not is_alive(pid)
    assert not scratch.exists()


def test_stubborn_child_is_killed(tmp_path: Path) -> None:
    """A child that ignores SIGTERM gets SIGKILL once the grace is over."""
    with Leashed(python(STUBBORN), log=tmp_path / "log", grace=0.1) as leashed:
        wait_until(lambda: leashed.log_tail() == "ready", what="the child's first word")
        assert leashed.stop() == 128 + signal.SIGKILL
    assert not is_alive(leashed.pid)


def test_grandchildren_end_too(tmp_path: Path) -> None:
    """What the child started ends with it, even if it ignores SIGTERM and the child does not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        family = [*python(FAMILY), CALLER, str(server.getsockname()[1])]
        with Leashed(family, log=tmp_path / "log", grace=0.1) as leashed:
            wait_until(lambda: leashed.log_tail() == "ready", what="the grandchild's first word")
            connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            assert connection.recv(1) == b""  # hung up, so the grandchild is gone


def test_exit_status_is_passed_on(tmp_path: Path) -> None:
    """A child that ends by itself gives its own status, and its scratch folder goes with it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Leashed(python("exit(7)"), log=tmp_path / "log", scratch=scratch) as leashed:
        assert leashed.wait(10) == 7
        assert leashed.poll() == 7
    assert not scratch.exists()


def test_signal_is_for_the_child(tmp_path: Path) -> None:
    """`kill` reaches the child itself, and its status is what a shell would say."""
    with Leashed(python(WAITS), log=tmp_path / "log") as leashed:
        assert leashed.poll() is None
        leashed.kill(signal.SIGKILL)
        assert leashed.wait(10) == 128 + signal.SIGKILL
        leashed.kill()  # of a child that has ended: nothing happens


def test_stopped_child_is_still_held(tmp_path: Path) -> None:
    """A child that is paused and continued keeps its leash, and one that is paused can be ended."""
    with Leashed(python(WAITS), log=tmp_path / "log", grace=0.1) as leashed:
        wait_until(lambda: leashed.log_tail() == "ready", what="the child's first word")
        for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP):
            leashed.kill(number)
            assert leashed.poll() is None
        assert leashed.stop() in {128 + signal.SIGTERM, 128 + signal.SIGKILL}
    assert not is_alive(leashed.pid)


def test_unknown_command(scratch: Path) -> None:
    """A command that does not exist is named in the error, and nothing is left behind."""
    with pytest.raises(ChildProcessError, match="no-such-program"):
        Leashed(["no-such-program"], log=scratch / "log", scratch=scratch)
    assert not scratch.exists()


def test_environment_is_passed_on(tmp_path: Path) -> None:
    """The child sees the environment that it is given."""
    show = python("import os; print(os.environ['UPNEXT_WORD'])")
    log = tmp_path / "log"
    with Leashed(show, log=log, env={**os.environ, "UPNEXT_WORD": "hello"}) as leashed:
        assert leashed.wait(10) == 0
        assert leashed.log_tail() == "hello"
