"""Writes that pass only while their writer holds the lock; see `data.model_lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from redis import RedisCluster
from redis.backoff import NoBackoff
from redis.exceptions import WatchError
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.client import Pipeline

    from data.model_lock import ModelLock
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys


def fenced(
    client: Client,
    keys: RedisKeys,
    lock: ModelLock | None,
    queue: Callable[[Pipeline], object],
) -> list[Any]:
    """Run commands in one transaction, in the same step as a look at the fence.

    Parameters
    ----------
    lock
        Whose fence; without one the transaction is not fenced.
    queue
        Puts the commands into the pipeline that it is given.

    Returns
    -------
    The answers, one a command.

    Raises
    ------
    LostLockError
        If the lock was lost; then nothing is written.
    """

    def transact(pipe: Pipeline) -> None:
        if lock is not None:
            lock.check(pipe)
        pipe.multi()
        queue(pipe)

    if lock is not None and isinstance(client, RedisCluster):
        again = client.retry.call_with_retry
        return again(lambda: _watched(client, keys.fence, transact), lambda _: None)
    return cast("list[Any]", client.transaction(transact, *([keys.fence] if lock else [])))


def _watched(client: RedisCluster, key: str, transact: Callable[[Pipeline], None]) -> list[Any]:
    """Do as `transaction` does, but begin anew where the connection breaks.

    The client of a cluster would send the rest again over another connection, which watches
    nothing.
    """
    with client.pipeline(transaction=True) as pipe:  # type: ignore[no-untyped-call]  # has no types
        pipe._execution_strategy._retry = Retry(NoBackoff(), 0)  # noqa: SLF001 - no public way
        while True:
            try:
                pipe.watch(key)
                transact(pipe)
                return cast("list[Any]", pipe.execute())
            except WatchError:
                continue


def evaluate(
    pipe: Pipeline, script: str, keys: Sequence[str], *arguments: bytes | str | float
) -> None:
    """Put a script into a pipeline; the client's own `eval` can't do it on a cluster."""
    pipe.execute_command("EVAL", script, len(keys), *keys, *arguments)  # type: ignore[no-untyped-call]  # has no types
