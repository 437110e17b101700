"""Published models in Redis: immutable versions, and one pointer to the one that is served."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import msgspec

from data.catalogue import Catalogue
from data.frozen_model import FrozenModel, ModelVersion
from data.manifest import Manifest, chunks, describe, digest

if TYPE_CHECKING:
    import redis

    from data.redis_keys import RedisKeys

_FORMAT: Final = 1

# KEYS: current, manifest, chunks. The pointer moves only if every key of the version exists.
_ACTIVATE: Final = """
if redis.call('EXISTS', unpack(KEYS, 2)) ~= #KEYS - 1 then return -1 end
local current = redis.call('GET', KEYS[1]) or '0 '
local last = tonumber(string.match(current, '^(%d+)') or 0)
local activation = string.format('%.0f', math.max(last + 1, tonumber(ARGV[2])))
redis.call('SET', KEYS[1], activation .. ' ' .. ARGV[1])
return activation
"""


class ModelStoreError(RuntimeError):
    """A version that is missing, incomplete or damaged; the message says which part."""


class Active(NamedTuple):
    """The version that is served, and the number of the activation that made it so.

    The number rises with every activation. It follows the clock, in ms UTC, so that it rises even
    in a Redis that has lost its data: a worker may still hold a number from before.
    """

    activation: int
    version: ModelVersion


class LoadedModel(NamedTuple):
    """A verified version."""

    model: FrozenModel
    catalogue: Catalogue


class ModelStore:
    """Publish, verify, activate and load versions.

    Parameters
    ----------
    client
        Connection that returns bytes.
    keys
        The key schema.
    """

    def __init__(self, client: redis.Redis, keys: RedisKeys) -> None:
        self._redis = client
        self._keys = keys

    def publish(self, version: ModelVersion, model: FrozenModel, catalogue: Catalogue) -> Manifest:
        """Write a version whole, manifest last, then read it back and verify it.

        Publishing the same version again writes the same bytes. Nothing is activated, and no
        version is ever changed.

        Raises
        ------
        ModelStoreError
            If what Redis gives back differs from what was written, or other content stands
            there under this name.
        """
        blobs = {"model": model.to_bytes(), "catalogue": catalogue.to_bytes()}
        manifest = Manifest(
            format=_FORMAT,
            version=version,
            shape=model.item_factors.shape,
            parts={name: describe(blob) for name, blob in blobs.items()},
            metadata=model.metadata,
        )
        written = self._redis.get(self._keys.manifest(version))
        if written is not None and self.manifest(version).parts != manifest.parts:
            msg = f"there is another model under the name {version}; a version is never changed"
            raise ModelStoreError(msg)
        for name, blob in blobs.items():
            for number, chunk in enumerate(chunks(blob)):
                self._redis.set(self._keys.chunk(version, name, number), chunk)
        self._redis.set(self._keys.manifest(version), msgspec.json.encode(manifest))
        self._redis.zadd(self._keys.versions, {version: _now_ms()})
        self.verify(version)
        return manifest

    def activate(self, version: ModelVersion) -> Active:
        """Verify a version, then move the pointer to it.

        Raises
        ------
        ModelStoreError
            If the version is missing, incomplete or damaged; the pointer then stays.
        """
        manifest = self.verify(version)
        keys = [self._keys.current, self._keys.manifest(version)]
        for name, part in manifest.parts.items():
            keys += [self._keys.chunk(version, name, i) for i in range(len(part.chunks))]
        answer = self._redis.eval(_ACTIVATE, len(keys), *keys, version, _now_ms())
        if not isinstance(answer, bytes):
            msg = f"version {version} lost a part while it was being activated; publish it again"
            raise ModelStoreError(msg)
        return Active(int(answer), version)

    def current(self) -> Active | None:
        """Read the pointer; None when nothing was ever activated.

        Raises
        ------
        ModelStoreError
            If something else stands there.
        """
        value = self._redis.get(self._keys.current)
        if not isinstance(value, bytes):
            return None
        activation, _, version = value.decode(errors="replace").partition(" ")
        if not activation.isdecimal() or not version:
            msg = f"key {self._keys.current} holds {value!r}, no pointer to a model; activate one"
            raise ModelStoreError(msg)
        return Active(int(activation), ModelVersion(version))

    def versions(self) -> list[ModelVersion]:
        """List the published versions, oldest first."""
        names = cast("list[bytes]", self._redis.zrange(self._keys.versions, 0, -1))
        return [ModelVersion(name.decode()) for name in names]

    def manifest(self, version: ModelVersion) -> Manifest:
        """Read a version's manifest.

        Raises
        ------
        ModelStoreError
            If there is none, or it can't be read.
        """
        key = self._keys.manifest(version)
        value = self._redis.get(key)
        if not isinstance(value, bytes):
            msg = f"there is no version {version}: key {key} is missing"
            raise ModelStoreError(msg)
        try:
            manifest = msgspec.json.decode(value, type=Manifest)
        except msgspec.MsgspecError as error:
            msg = f"the manifest of version {version} can't be read: {error} (key {key})"
            raise ModelStoreError(msg) from error
        if manifest.format != _FORMAT:
            msg = f"manifest of format {manifest.format}; this release reads {_FORMAT} (key {key})"
            raise ModelStoreError(msg)
        if manifest.version != version or manifest.parts.keys() != {"model", "catalogue"}:
            msg = f"the manifest of version {version} is of another or lacks a part (key {key})"
            raise ModelStoreError(msg)
        return manifest

    def verify(self, version: ModelVersion) -> Manifest:
        """Read a version whole: checksums, shapes and numbers.

        Raises
        ------
        ModelStoreError
            Naming the first key that is missing or wrong.
        """
        manifest = self.manifest(version)
        self._load(manifest)
        return manifest

    def load(self, version: ModelVersion) -> LoadedModel:
        """Read and verify a version.

        Raises
        ------
        ModelStoreError
            If a part is missing or damaged, or is no model at all.
        """
        return self._load(self.manifest(version))

    def catalogue(self, version: ModelVersion) -> Catalogue:
        """Read and verify the catalogue of a version alone; errors as `load`."""
        return self._catalogue(self.manifest(version))

    def _load(self, manifest: Manifest) -> LoadedModel:
        try:
            model = FrozenModel.from_bytes(self._read(manifest, "model"))
        except ValueError as error:
            msg = f"version {manifest.version} can't be used: {error}"
            raise ModelStoreError(msg) from error
        if (shape := model.item_factors.shape) != manifest.shape:
            msg = f"version {manifest.version} has {shape}, not {manifest.shape} factors"
            raise ModelStoreError(msg)
        return LoadedModel(model, self._catalogue(manifest))

    def _catalogue(self, manifest: Manifest) -> Catalogue:
        try:
            return Catalogue.from_bytes(self._read(manifest, "catalogue"))
        except ValueError as error:
            msg = f"version {manifest.version} can't be used: {error}"
            raise ModelStoreError(msg) from error

    def _read(self, manifest: Manifest, name: str) -> bytes:
        """Read one part, chunk by chunk, and verify it."""
        part = manifest.parts[name]
        chunks = []
        for number, expected in enumerate(part.chunks):
            key = self._keys.chunk(manifest.version, name, number)
            chunk = self._redis.get(key)
            if not isinstance(chunk, bytes):
                msg = f"version {manifest.version} is incomplete: key {key} is missing"
                raise ModelStoreError(msg)
            if digest(chunk) != expected:
                msg = f"version {manifest.version} is damaged: key {key} fails its SHA-256"
                raise ModelStoreError(msg)
            chunks.append(chunk)
        blob = b"".join(chunks)
        if len(blob) != part.size or digest(blob) != part.sha256:
            msg = f"version {manifest.version} is damaged: {name} fails its SHA-256"
            raise ModelStoreError(msg)
        return blob


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
