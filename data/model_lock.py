"""One night at a time: a lock that renews itself, and a fence that a late writer can't pass.

Whoever takes the lock leaves a token in two keys: under `RedisKeys.lock` for a few seconds, renewed
while the holder lives, and under `RedisKeys.fence` for ever. The number in the token rises each
time. A fenced write takes place only while the fence holds the writer's own token, which Redis
checks in the same step: so whoever was stopped for longer than the lock lives, and lost it to
another, can't write any more. (See Kleppmann 2016, "How to do distributed locking".)
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis.client import Pipeline

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

TTL_S: Final = 15.0
_LOOK_S: Final = 0.1

# KEYS: lock, fence. ARGV: who takes it, TTL in ms.
_TAKE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local last = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) ') or 0
local token = string.format('%.0f ', last + 1) .. ARGV[1]
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token, 'PX', ARGV[2])
return token
"""

# KEYS: lock, fence. ARGV: token, TTL in ms. A lock that ran out and that nobody took is taken back.
_RENEW: Final = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE: Final = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"


class LockedError(RuntimeError):
    """Another night is running; the message says since when, and where."""


class LostLockError(RuntimeError):
    """Another night took the lock while this one was stopped; nothing more was written."""


class _Holder(msgspec.Struct, frozen=True):
    """Who holds the lock: host, process id, and since when in ms UTC."""

    host: str
    pid: int
    since: int

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since / 1000, UTC)
        return f"since {since:%Y-%m-%d %H:%M:%S} UTC, on host {self.host}, process {self.pid}"


class ModelLock:
    """The right to publish, activate and delete models; a context manager.

    Parameters
    ----------
    client
        Connection that returns bytes; the renewing thread takes one of its own from the pool.
    keys
        The key schema.
    ttl_s
        How long the lock outlives a holder that was killed, in s. It is renewed five times as
        often.

    Attributes
    ----------
    fence
        The token of this holder; empty while the lock is not held.
    """

    def __init__(self, client: Client, keys: RedisKeys, *, ttl_s: float = TTL_S) -> None:
        self._redis = client
        self._keys = keys
        self._ttl_s = ttl_s
        self._released = threading.Event()
        self._renewing: threading.Thread | None = None
        self.fence = ""

    def acquire(self) -> None:
        """Take the lock; that of a holder which was killed is waited for, `ttl_s` at most.

        Raises
        ------
        LockedError
            If the holder lives: as soon as it is seen to renew the lock.
        """
        ttl_ms = int(self._ttl_s * 1000)
        me = msgspec.json.encode(_Holder(socket.gethostname(), os.getpid(), _now_ms()))
        while not (token := self._run(_TAKE, me, ttl_ms)):
            self._wait_until_it_runs_out()
        self.fence = token.decode()
        self._released.clear()
        self._renewing = threading.Thread(
            target=self._renew, args=(self.fence, ttl_ms), name="model-lock", daemon=True
        )
        self._renewing.start()

    def release(self) -> None:
        """Give the lock back; if Redis is away, the lock runs out by itself."""
        self._released.set()
        if self._renewing is not None:
            self._renewing.join()
        with suppress(RedisError):
            self._run(_RELEASE, self.fence)
        self.fence = ""

    def check(self, pipe: Pipeline) -> None:
        """Compare the fence, through a pipeline that watches it.

        Raises
        ------
        LostLockError
            If another took the lock since, or Redis lost it.
        """
        found = pipe.get(self._keys.fence)
        if self.fence and found == self.fence.encode():
            return
        msg = (
            f"This run was stopped for longer than {self._ttl_s:g} s, or Redis lost data, and it "
            f"lost its lock (last taken {_who(found)}). It writes nothing more; run it again."
        )
        raise LostLockError(msg)

    def _run(self, script: str, *arguments: bytes | str | int) -> Any:  # noqa: ANN401 - whatever Redis answers
        return self._redis.eval(script, 2, self._keys.lock, self._keys.fence, *arguments)

    def _wait_until_it_runs_out(self) -> None:
        """Watch the lock; it is somebody's who lives if its time goes up instead of down."""
        seen: tuple[bytes, int] | None = None
        while True:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.get(self._keys.lock)
                pipe.pttl(self._keys.lock)
                holder, left_ms = pipe.execute()
            if holder is None:
                return
            if left_ms < 0 or (seen and (holder != seen[0] or left_ms > seen[1])):
                msg = f"Another night is running, {_who(holder)}. Let it end, or stop it there."
                raise LockedError(msg)
            seen = holder, left_ms
            time.sleep(_LOOK_S)

    def _renew(self, token: str, ttl_ms: int) -> None:
        """Renew until released or lost; while Redis is away, try on."""
        while not self._released.wait(self._ttl_s / 5):
            with suppress(RedisError):
                if not self._run(_RENEW, token, ttl_ms):
                    return

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _who(token: object) -> str:
    """Tell who took the lock, as far as the token says."""
    if not isinstance(token, bytes):
        return "by nobody"
    try:
        return str(msgspec.json.decode(token.partition(b" ")[2], type=_Holder))
    except msgspec.MsgspecError:
        return f"by {token!r}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
