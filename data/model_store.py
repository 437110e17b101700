"""Published models in Redis: immutable versions, and one pointer to the one that is served."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from data.frozen_model import ModelVersion
from data.loaded_model import LoadedModel
from data.manifest import FORMAT, Manifest, ModelStoreError, describe
from data.model_lock import LostLockError
from data.model_pointer import Active
from data.model_reader import ModelReader
from data.popular import Popular

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from data.catalogue import Catalogue
    from data.frozen_model import FrozenModel
    from data.model_lock import ModelLock

__all__ = ["Active", "LoadedModel", "ModelStore", "ModelStoreError"]


class ModelStore(ModelReader):
    """Publish, activate and delete versions, beside what reads them.

    What changes something takes a `ModelLock`. Given one, each write takes place only as long as
    the lock was not lost, and raises `LostLockError` afterwards.
    """

    def publish(
        self,
        version: ModelVersion,
        model: FrozenModel,
        catalogue: Catalogue,
        report: bytes = b"",
        *,
        lock: ModelLock | None = None,
    ) -> Manifest:
        """Write a version whole and read it back; nobody sees it before that.

        Publishing the same version again writes the same bytes. Nothing is activated, and no
        version is ever changed.

        Parameters
        ----------
        report
            What people should know of the night; a part of its own unless it is empty.

        Raises
        ------
        ModelStoreError
            If there is no room, what Redis gives back differs from what was written, or other
            content stands there under this name.
        """
        blobs = {"model": model.to_bytes(), "catalogue": catalogue.to_bytes()}
        if report:
            blobs["report"] = report
        manifest = Manifest(
            format=FORMAT,
            version=version,
            shape=model.item_factors.shape,
            parts={name: describe(blob) for name, blob in blobs.items()},
            metadata=model.metadata,
        )
        self.write(manifest, blobs, lock=lock)
        return manifest

    def write(
        self, manifest: Manifest, blobs: Mapping[str, bytes], *, lock: ModelLock | None = None
    ) -> None:
        """Write a version whose parts are packed already; as `publish`, which see."""
        version = ModelVersion(manifest.version)
        if self.has(version):
            if self.manifest(version).parts != manifest.parts:
                msg = f"there is another model under the name {version}; a version is never changed"
                raise ModelStoreError(msg)
            self._parts.write(manifest, blobs, lock)
            return
        self._parts.check_room(manifest.size)
        self._parts.begin(manifest, lock)
        try:
            self._parts.write(manifest, blobs, lock)
        except Exception:
            # Out of a full Redis at once; where this fails, too, the next `sweep` does it.
            with suppress(RedisError, LostLockError):
                self._parts.delete(version, manifest.chunk_counts, lock)
            raise

    def check_room(self, size: int = 0) -> None:
        """Make sure that Redis takes so many bytes more, and won't drop a model.

        Raises
        ------
        ModelStoreError
            If it doesn't, or may; it says what to change.
        """
        self._parts.check_room(size)

    def activate(
        self, version: ModelVersion, *, lock: ModelLock | None = None, undo: Active | None = None
    ) -> Active:
        """Verify a version, then move the pointer to it, and leave its popular videos beside it.

        Parameters
        ----------
        undo
            A roll back won't go to this activation, or to any after it.

        Raises
        ------
        ModelStoreError
            If the version is missing, incomplete or damaged; the pointer then stays.
        """
        manifest, model = self._verified(version)
        needed = self._parts.keys_of(version, manifest.chunk_counts)
        popular = Popular.of(model, version)
        return self._pointer.move(popular, needed, lock=lock, undo=undo)

    def sweep(self, *, lock: ModelLock | None = None) -> list[ModelVersion]:
        """Delete what was left of versions that somebody began to publish and never finished.

        Only under the lock is it certain that nobody is still at it.
        """
        unfinished = self._parts.unfinished()
        return [v for v, counts in unfinished.items() if self._parts.delete(v, counts, lock)]

    def prune(
        self, keep: int, in_use: Collection[str | None] = (), *, lock: ModelLock | None = None
    ) -> list[ModelVersion]:
        """Delete old versions.

        Kept are the newest `keep`, the one that is served, the one that a roll back goes to, those
        in use, and those whose manifest can't be read, for a look.

        Parameters
        ----------
        in_use
            Versions that live workers report.

        Returns
        -------
        What was deleted, oldest first.
        """
        current, previous = self.current(), self.previous()
        kept = {*in_use, *(active.version for active in (current, previous) if active)}
        old = [v for v in self.versions()[: -keep or None] if v not in kept]
        return [version for version in old if self._delete(version, lock)]

    def _delete(self, version: ModelVersion, lock: ModelLock | None) -> bool:
        try:
            counts = self.manifest(version).chunk_counts
        except ModelStoreError:
            return False
        return self._parts.delete(version, counts, lock)
