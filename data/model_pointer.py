"""The pointer to the version that is served, and what was served before it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import msgspec

from data.fenced import evaluate, fenced
from data.frozen_model import ModelVersion
from data.manifest import ModelStoreError
from data.popular import Popular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data.model_lock import ModelLock
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

_NEVER: Final = 9e15  # more than any number of an activation

# KEYS: current, activations, popular, manifest, chunks. ARGV: version, time in ms, the number,
# the popular videos.
# The pointer moves only if every key of the version exists. What a roll back would go through,
# newest first, loses its entries from number ARGV[3] on, and gains the new one. A pointer that
# an older release set is noted first.
_ACTIVATE: Final = """
if redis.call('EXISTS', unpack(KEYS, 4)) ~= #KEYS - 3 then return -1 end
local current = redis.call('GET', KEYS[1]) or '0 '
local last = tonumber(string.match(current, '^(%d+)') or 0)
local activation = string.format('%.0f', math.max(last + 1, tonumber(ARGV[2])))
local entry = activation .. ' ' .. ARGV[1]
if last > 0 and redis.call('LINDEX', KEYS[2], 0) ~= current then
  redis.call('LPUSH', KEYS[2], current)
end
local newest = redis.call('LINDEX', KEYS[2], 0)
while newest and tonumber(string.match(newest, '^(%d+)')) >= tonumber(ARGV[3]) do
  redis.call('LPOP', KEYS[2])
  newest = redis.call('LINDEX', KEYS[2], 0)
end
redis.call('LPUSH', KEYS[2], entry)
redis.call('LTRIM', KEYS[2], 0, 99)
redis.call('SET', KEYS[1], entry)
redis.call('SET', KEYS[3], ARGV[4])
return activation
"""


class Active(NamedTuple):
    """The version that is served, and the number of the activation that made it so.

    The number rises with every activation. It follows the clock, in ms UTC, so that it rises even
    in a Redis that has lost its data: a worker may still hold a number from before.
    """

    activation: int
    version: ModelVersion


class ModelPointer:
    """Reads and moves the pointer.

    Parameters
    ----------
    client
        Connection that returns bytes.
    keys
        The key schema.
    """

    def __init__(self, client: Client, keys: RedisKeys) -> None:
        self._redis = client
        self._keys = keys

    def move(
        self,
        popular: Popular,
        needed: Sequence[str],
        *,
        lock: ModelLock | None = None,
        undo: Active | None = None,
    ) -> Active:
        """Move the pointer to a version, if all its keys are there.

        Parameters
        ----------
        popular
            The popular videos of that version.
        needed
            Keys of the version.
        undo
            This activation, and any after it, is forgotten: no roll back goes there.

        Raises
        ------
        ModelStoreError
            If a key is missing; the pointer then stays.
        """
        keys = [self._keys.current, self._keys.activations, self._keys.popular, *needed]
        version, listed = ModelVersion(popular.version), msgspec.json.encode(popular)
        now_ms, since = time.time_ns() // 1_000_000, undo.activation if undo else _NEVER
        (answer,) = fenced(
            self._redis,
            self._keys,
            lock,
            lambda pipe: evaluate(pipe, _ACTIVATE, keys, version, now_ms, since, listed),
        )
        if not isinstance(answer, bytes):
            msg = f"version {version} lost a part while it was being activated; publish it again"
            raise ModelStoreError(msg)
        return Active(int(answer), version)

    def popular(self) -> Popular:
        """Read the popular videos; none where none can be read."""
        value = self._redis.get(self._keys.popular)
        try:
            return msgspec.json.decode(cast("bytes", value or b"{}"), type=Popular)
        except msgspec.MsgspecError:
            return Popular()

    def current(self) -> Active | None:
        """Read the pointer; None when nothing was ever activated.

        Raises
        ------
        ModelStoreError
            If something else stands there.
        """
        value = self._redis.get(self._keys.current)
        return _active(value, self._keys.current) if isinstance(value, bytes) else None

    def activations(self) -> list[Active]:
        """List what a roll back goes through, newest first; the first is the current one.

        What was undone is not among them. Errors as `current`.
        """
        entries = cast("list[bytes]", self._redis.lrange(self._keys.activations, 0, -1))
        return [_active(entry, self._keys.activations) for entry in entries]


def _active(value: bytes, key: str) -> Active:
    activation, _, version = value.decode(errors="replace").partition(" ")
    if not activation.isdecimal() or not version:
        msg = f"key {key} holds {value!r}, no pointer to a model; activate one"
        raise ModelStoreError(msg)
    return Active(int(activation), ModelVersion(version))
