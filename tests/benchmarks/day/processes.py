"""What the system tells of a process; Linux only."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Read the CPU time of all threads of a process, ended ones too."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read(pid: int, name: str) -> str:
    path = Path(f"/proc/{pid}/{name}")
    if not path.exists():
        raise OSError(f"process {pid} is gone, or this is no Linux: there is no {path}")
    return path.read_text()
