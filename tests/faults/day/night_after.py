"""The night after: what it knows heals what Redis lost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from data.interaction import encode
from data.redis_keys import RedisKeys
from tests.builders import interaction

if TYPE_CHECKING:
    from tests.faults.day.stage import Stage


def refresh_from_archive(stage: Stage, redis_url: str) -> None:
    """Write down all that was sent, as an archive would, and run ``upnext refresh`` over it."""
    archive = stage.folder / "archive.jsonl"
    events = (entry.event for entry in stage.ledger.entries if entry.event is not None)
    archive.write_bytes(b"\n".join(encode(interaction(event)) for event in events))
    command = [sys.executable, "-m", "deploy.cli", "refresh", str(archive)]
    settings = ["--redis-url", redis_url, "--redis-prefix", RedisKeys().prefix]
    done = subprocess.run([*command, *settings], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
