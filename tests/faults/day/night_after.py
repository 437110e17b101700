"""The night after: what it knows heals what Redis lost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

from data.interaction import encode
from data.redis_keys import RedisKeys
from tests.builders import interaction
from tests.faults.day import checker
from tests.faults.day.table import Outcome, took_effect

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage

PATIENCE_S: Final = 8.0  # what was lost in Redis never comes, so the stage can't settle


def refresh_from_archive(stage: Stage) -> None:
    """Write down all that was sent, as an archive would, and run ``upnext refresh`` over it."""
    archive = stage.folder / "archive.jsonl"
    events = (entry.event for entry in stage.ledger.entries if entry.event is not None)
    archive.write_bytes(b"\n".join(encode(interaction(event)) for event in events))
    command = [sys.executable, "-m", "deploy.cli", "refresh", str(archive)]
    settings = ["--redis-url", stage.redis_url, "--redis-prefix", RedisKeys().prefix]
    done = subprocess.run([*command, *settings], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr


def healed(stage: Stage) -> Outcome:
    """Count what Redis lost, refresh, and count again.

    What was sent after the fault is never excused: it had to arrive without the refresh.
    """
    stage.settle(PATIENCE_S)
    before, gone = checker.count(stage), checker.lost(stage)
    seen = sum(entry.place in stage.witness.seen for entry in gone)
    late = sum(entry.sent_at >= stage.marks[-1] for entry in gone)
    refresh_from_archive(stage)
    after = checker.count(stage)
    proof = (
        f"{seen} events that were in Redis were gone, {before.differing} users differed; "
        f"after the refresh {after.lost} and {after.differing}"
    )
    counts = after._replace(
        lost=after.lost + late, recovered_s=before.recovered_s, waited_s=before.waited_s
    )
    return Outcome(counts, took_effect(proof, happened=seen > 0))
