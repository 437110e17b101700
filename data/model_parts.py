"""The parts of a version in Redis: whether there is room for them, their chunks, their deletion."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from data.fenced import evaluate, fenced
from data.frozen_model import ModelVersion
from data.manifest import ModelStoreError, chunks, digest
from data.redis_connection import server_of
from data.redis_facts import EVICTION_REMEDY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from redis.client import Pipeline

    from data.manifest import Manifest
    from data.model_lock import ModelLock
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

_CHUNKS_PER_CALL: Final = 4  # bounds what a transaction holds in memory on both sides
_ROOM: Final = 1.1  # a version takes a little more than its bytes

# KEYS: current, versions, unfinished, manifest, chunks. What is served is never deleted.
_DELETE: Final = """
if string.match(redis.call('GET', KEYS[1]) or '', ' (.*)') == ARGV[1] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('UNLINK', unpack(KEYS, 4))
return 1
"""


class ModelParts:
    """Writes, reads and deletes the chunks of versions.

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

    def check_room(self, size: int) -> None:
        """Make sure that Redis has room for `size` bytes more and will not drop them.

        Raises
        ------
        ModelStoreError
            If it hasn't, or may; it says what to change.
        """
        memory = server_of(self._redis, self._keys.current).info("memory")
        most, policy = int(memory["maxmemory"]), str(memory["maxmemory_policy"])
        if most == 0:
            return
        if policy.startswith("allkeys"):
            msg = (
                "Redis may drop the model when it is full: its maxmemory-policy is "
                f"{policy}. {EVICTION_REMEDY}"
            )
            raise ModelStoreError(msg)
        free = most - int(memory["used_memory"])
        if (lacking := size * _ROOM - free) > 0:
            msg = (
                f"Redis lacks {_mib(lacking)} for this model: it takes {_mib(size)} and a tenth "
                f"more, and of maxmemory = {_mib(most)} there are {_mib(max(free, 0))} free. "
                "Raise maxmemory, or delete old versions: upnext models prune --keep 1"
            )
            raise ModelStoreError(msg)

    def write(self, manifest: Manifest, blobs: Mapping[str, bytes], lock: ModelLock | None) -> None:
        """Write every chunk, a few at a time, read them back, compare, and write the manifest.

        Raises
        ------
        ModelStoreError
            If Redis gives back something else.
        """
        for name, blob in blobs.items():
            pieces = [
                (self._keys.chunk(manifest.version, name, number), chunk)
                for number, chunk in enumerate(chunks(blob))
            ]
            for first in range(0, len(pieces), _CHUNKS_PER_CALL):
                some = pieces[first : first + _CHUNKS_PER_CALL]
                self.fenced(lock, partial(_set_all, pieces=some))
            self._compare(pieces, blob)
        self.fenced(lock, partial(self._finish, manifest=manifest))

    def _finish(self, pipe: Pipeline, manifest: Manifest) -> None:
        pipe.set(self._keys.manifest(manifest.version), msgspec.json.encode(manifest))
        now_ms = time.time_ns() // 1_000_000
        pipe.zadd(self._keys.versions, {manifest.version: now_ms}, nx=True)
        pipe.hdel(self._keys.unfinished, manifest.version)

    def _compare(self, pieces: Iterable[tuple[str, memoryview]], blob: bytes) -> None:
        """Read a part back."""
        end = 0
        for key, chunk in pieces:
            found = self._redis.get(key)
            whole = isinstance(found, bytes) and len(found) == len(chunk)
            # Quicker than comparing with the memoryview.
            if not whole or not blob.startswith(cast("bytes", found), end):
                msg = f"Redis gives back something else than was written under key {key}"
                raise ModelStoreError(msg)
            end += len(chunk)

    def read(self, manifest: Manifest, name: str) -> memoryview:
        """Read one part, chunk by chunk, and verify it; it is never held twice.

        It is the caller's own, and can be written to.

        Raises
        ------
        ModelStoreError
            Naming the first key that is missing or wrong.
        """
        part, end = manifest.parts[name], 0
        blob = bytearray(part.size)
        with ThreadPoolExecutor(1) as pool:  # one chunk is verified while the next one travels
            verified = pool.submit(lambda: None)
            for number, expected in enumerate(part.chunks):
                key = self._keys.chunk(manifest.version, name, number)
                chunk = self._redis.get(key)
                verified.result()
                if not isinstance(chunk, bytes):
                    msg = f"version {manifest.version} is incomplete: key {key} is missing"
                    raise ModelStoreError(msg)
                verified = pool.submit(_verify, manifest, key, chunk, expected)
                blob[end : end + len(chunk)] = chunk
                end += len(chunk)
            verified.result()
        if end != part.size:
            msg = f"version {manifest.version} is damaged: {name} has {end} bytes"
            raise ModelStoreError(msg)
        return memoryview(blob)

    def keys_of(self, version: str, counts: Mapping[str, int]) -> list[str]:
        """Name manifest and chunks of a version."""
        names = [self._keys.chunk(version, part, i) for part, n in counts.items() for i in range(n)]
        return [self._keys.manifest(version), *names]

    def begin(self, manifest: Manifest, lock: ModelLock | None) -> None:
        """Note that a version is about to be written, so that it is found if that fails."""
        entry = msgspec.json.encode(manifest.chunk_counts)
        name = self._keys.unfinished
        self.fenced(lock, lambda pipe: pipe.hset(name, manifest.version, entry))

    def unfinished(self) -> dict[ModelVersion, dict[str, int]]:
        """Give the versions that were begun and not finished, with the chunks of each part."""
        found = cast("dict[bytes, bytes]", self._redis.hgetall(self._keys.unfinished))
        return {
            ModelVersion(name.decode()): msgspec.json.decode(entry, type=dict[str, int])
            for name, entry in found.items()
        }

    def delete(
        self, version: ModelVersion, counts: Mapping[str, int], lock: ModelLock | None
    ) -> bool:
        """Delete a version whole, in one step; False, and nothing is done, if it is served."""
        shared = [self._keys.current, self._keys.versions, self._keys.unfinished]
        names = [*shared, *self.keys_of(version, counts)]
        (answer,) = self.fenced(lock, lambda pipe: evaluate(pipe, _DELETE, names, version))
        return bool(answer)

    def fenced(self, lock: ModelLock | None, queue: Callable[[Pipeline], object]) -> list[Any]:
        """Run commands in one transaction that the fence guards; see `data.model_lock.fenced`."""
        return fenced(self._redis, self._keys, lock, queue)


def _set_all(pipe: Pipeline, pieces: Iterable[tuple[str, memoryview]]) -> None:
    for key, chunk in pieces:
        pipe.set(key, chunk)


def _verify(manifest: Manifest, key: str, chunk: bytes, expected: str) -> None:
    if digest(chunk) != expected:
        msg = f"version {manifest.version} is damaged: key {key} fails its SHA-256"
        raise ModelStoreError(msg)


def _mib(size: float) -> str:
    return f"{size / 2**20:.1f} MiB"
