"""Published models in Redis, for those who read them: verified, or an error that names the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from data.frozen_model import ModelVersion
from data.loaded_model import LoadedModel, unpack, unpack_catalogue, unpack_served
from data.manifest import NEEDED_PARTS, Manifest, ModelStoreError, read_manifest
from data.model_parts import ModelParts
from data.model_pointer import Active, ModelPointer

if TYPE_CHECKING:
    from data.catalogue import Catalogue
    from data.frozen_model import FrozenModel
    from data.popular import Popular
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys
    from data.served_model import ServedModel


class ModelReader:
    """Find, verify and load versions.

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
        self._parts = ModelParts(client, keys)
        self._pointer = ModelPointer(client, keys)

    def popular(self) -> Popular:
        """Read the popular videos of what was activated last; none where none can be read."""
        return self._pointer.popular()

    def current(self) -> Active | None:
        """Read the pointer; None when nothing was ever activated.

        Raises
        ------
        ModelStoreError
            If something else stands there.
        """
        return self._pointer.current()

    def previous(self) -> Active | None:
        """Tell what a roll back goes to: the latest version before the current one; None if none.

        What was rolled back, or replaced by an update of its catalogue, doesn't count: rolling
        back twice goes back two steps, and never forth. Versions that were deleted are passed over.
        """
        current = self.current()
        served = self._pointer.activations() if current else []
        others = (a for a in served if current and a.version != current.version)
        return next((active for active in others if self.has(active.version)), None)

    def versions(self) -> list[ModelVersion]:
        """List the published versions, oldest first."""
        names = cast("list[bytes]", self._redis.zrange(self._keys.versions, 0, -1))
        return [ModelVersion(name.decode()) for name in names]

    def has(self, version: ModelVersion) -> bool:
        """Whether there is a version of this name, whole or damaged."""
        return bool(self._redis.exists(self._keys.manifest(version)))

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
        return read_manifest(value, version, f"key {key}")

    def verify(self, version: ModelVersion) -> Manifest:
        """Read a version whole: checksums, shapes and numbers.

        Raises
        ------
        ModelStoreError
            Naming the first key that is missing or wrong.
        """
        return self._verified(version)[0]

    def _verified(self, version: ModelVersion) -> tuple[Manifest, FrozenModel]:
        manifest, blobs = self.read(version)
        return manifest, unpack(manifest, blobs).model

    def load(self, version: ModelVersion) -> LoadedModel:
        """Read and verify what serves: the model and the catalogue.

        Raises
        ------
        ModelStoreError
            If one of them is missing or damaged, or is no model at all.
        """
        manifest = self.manifest(version)
        return unpack(manifest, {part: self._part(manifest, part) for part in NEEDED_PARTS})

    def served(self, version: ModelVersion) -> ServedModel:
        """Read and verify the model of a version, and keep what a worker needs; as `load`."""
        manifest = self.manifest(version)
        return unpack_served(manifest, self._parts.read(manifest, "model"))

    def catalogue(self, version: ModelVersion) -> Catalogue:
        """Read and verify the catalogue of a version alone; errors as `load`."""
        manifest = self.manifest(version)
        return unpack_catalogue(manifest, self._part(manifest, "catalogue"))

    def report(self, version: ModelVersion) -> bytes:
        """Read and verify the night's report, empty where there is none; errors as `load`."""
        manifest = self.manifest(version)
        return bytes(self._part(manifest, "report")) if "report" in manifest.parts else b""

    def read(self, version: ModelVersion) -> tuple[Manifest, dict[str, memoryview]]:
        """Read every part as it was written, by name; errors as `load`."""
        manifest = self.manifest(version)
        return manifest, {name: self._part(manifest, name) for name in manifest.parts}

    def _part(self, manifest: Manifest, name: str) -> memoryview:
        return self._parts.read(manifest, name).toreadonly()
