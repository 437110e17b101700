"""A holder of the lock in a process of its own, which can be stopped and killed."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.embedded.redis_server import EmbeddedRedis

TTL_S = 0.5

# Takes the lock, says so, waits for a line, writes, and says what came of it.
HOLDER = f"""
import sys
from data.fenced import fenced
from data.model_lock import LostLockError, ModelLock
from data.redis_connection import connect
from data.redis_keys import RedisKeys
client, keys = connect(sys.argv[1]), RedisKeys("test")
with ModelLock(client, keys, ttl_s={TTL_S}) as lock:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        fenced(client, keys, lock, lambda pipe: pipe.set(keys.unfinished, "value"))
        print("written", flush=True)
    except LostLockError:
        print("lost", flush=True)
"""


@contextmanager
def holder(server: EmbeddedRedis) -> Iterator[subprocess.Popen[str]]:
    """Give another process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, server.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str]) -> str:
    """Let the other process write, and hear what came of it."""
    out, _ = process.communicate("go\n", timeout=30)
    return out.strip()
