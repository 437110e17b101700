"""What the system tells of a process; Linux only."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Read the CPU time of all threads of a process, ended ones too."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Read how many bytes of a process are in memory."""
    return _status(pid, "VmRSS")


def greatest_memory(pid: int) -> int:
    """Read the most bytes of a process that were in memory since `forget_greatest`."""
    return _status(pid, "VmHWM")


def forget_greatest(pid: int) -> None:
    """Let `greatest_memory` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, name: str) -> int:
    line = next(line for line in _read(pid, "status").splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def _read(pid: int, name: str) -> str:
    path = Path(f"/proc/{pid}/{name}")
    if not path.exists():
        raise OSError(f"process {pid} is gone, or this is no Linux: there is no {path}")
    return path.read_text()
