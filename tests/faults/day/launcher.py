"""`upnext worker` as it is, with a note of each delivery, and flaws put in for a test.

``python -m tests.faults.day.launcher NOTES [FLAW[=VALUE]...] -- worker FLAGS...``. A line of the
notes is ``+ PID PARTITION:OFFSET...`` when a batch is begun and ``- PID`` when it is done.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stream_inference.micro_batch import MicroBatches
from tests.faults.day.flaws import FLAWS
from tests.faults.day.races import RACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_inference.dead_letters import Message


def main() -> None:
    """Put in what was asked for, then be the command line."""
    at = sys.argv.index("--")
    notes, *flaws = sys.argv[1:at]
    sys.argv[1:] = sys.argv[at + 1 :]
    for flaw in flaws:
        name, _, value = flaw.partition("=")
        (FLAWS | RACES)[name](value)
    take_notes(Path(notes))

    from deploy.cli import main as command_line  # noqa: PLC0415 - after the flaws

    command_line()


def take_notes(path: Path) -> None:
    """Note each batch when it is begun and when it is done."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    handle = MicroBatches.handle

    async def noted(self: MicroBatches, messages: Sequence[Message]) -> None:
        places = " ".join(f"{m.origin.partition}:{m.origin.offset}" for m in messages)
        os.write(file, f"+ {os.getpid()} {places}\n".encode())
        await handle(self, messages)
        os.write(file, f"- {os.getpid()}\n".encode())

    MicroBatches.handle = noted  # type: ignore[method-assign]  # the purpose of this file


if __name__ == "__main__":
    main()
