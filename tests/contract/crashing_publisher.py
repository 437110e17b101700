"""Publishes in a process that is killed.

It is ``python -m tests.contract.crashing_publisher URL PREFIX``, see `publisher`.

For each line of stdin, a number n, a child publishes and activates as a night does, and kills
itself instead of sending its n-th packet to Redis. Says ``killed`` or, if it sends fewer, ``done``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis

from data import manifest
from data.catalogue import Catalogue, Video
from data.frozen_model import ModelVersion
from data.model_lock import ModelLock
from data.model_store import ModelStore
from data.redis_keys import RedisKeys
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from data.redis_connection import Client

OLD, NEW, NEXT = (ModelVersion(name) for name in ("old", "new", "next"))
ITEMS = {OLD: 40, NEW: 120, NEXT: 80}
KEYS = RedisKeys("test")
CATALOGUE = Catalogue([Video(id="v1", title="One")])
CHUNK_BYTES = 3_000


@contextmanager
def publisher(url: str, prefix: str = KEYS.prefix) -> Iterator[Callable[[int], str]]:
    """Give a function that lets a publisher run until it is killed, and says if it was."""
    command = [sys.executable, "-m", "tests.contract.crashing_publisher", url, prefix]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:

        def run(number: int) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe


def night(client: Client, version: ModelVersion, keys: RedisKeys = KEYS) -> None:
    """Take the lock, sweep, publish, activate and clean up, as a night does."""
    store = ModelStore(client, keys)
    with ModelLock(client, keys) as lock:
        store.sweep(lock=lock)
        store.publish(version, model(ITEMS[version]), CATALOGUE, b'{"night": 2}', lock=lock)
        store.activate(version, lock=lock)
        store.prune(1, lock=lock)


class Crashing(redis.Connection):
    """A connection that kills its process instead of sending the n-th packet."""

    left = 0

    def send_packed_command(self, command: object, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's signature
        """Count what the main thread sends; when the lock is renewed is up to chance."""
        if threading.current_thread() is threading.main_thread():
            Crashing.left -= 1
            if Crashing.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]  # the library's


def main(url: str, prefix: str) -> None:
    """Do as the module says."""
    vars(manifest)["CHUNK_BYTES"] = CHUNK_BYTES  # a few of each part, for more steps to die at
    CATALOGUE.to_bytes()  # imports what every child would have to
    for line in sys.stdin:
        child = os.fork()
        if not child:
            Crashing.left = int(line)
            pool = redis.ConnectionPool.from_url(url, connection_class=Crashing)
            night(redis.Redis(connection_pool=pool), NEW, RedisKeys(prefix))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print({0: "done", signal.SIGKILL: "killed"}.get(status, status), flush=True)  # noqa: T201 - to the test


if __name__ == "__main__":
    main(*sys.argv[1:])
