"""A version in one file: a plain zip, to keep on a disk or to carry to another Redis."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING, Final

import msgspec

from data.loaded_model import unpack
from data.manifest import ModelStoreError, describe, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from data.frozen_model import ModelVersion
    from data.manifest import Manifest
    from data.model_lock import ModelLock
    from data.model_store import ModelStore

_MANIFEST: Final = "manifest.json"
_NAMES: Final = {
    "model": "model.safetensors",
    "catalogue": "catalogue.parquet",
    "report": "report.json",
}


class ArchiveError(ModelStoreError):
    """A file that can't be written, or that holds no whole model; the message says why."""


def export(store: ModelStore, version: ModelVersion, file: Path) -> Manifest:
    """Write a version into one file; what stood there is replaced once the new one is whole.

    Raises
    ------
    ArchiveError
        If the file can't be written.
    ModelStoreError
        If the version is missing or damaged.
    """
    manifest, blobs = store.read(version)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(_MANIFEST, msgspec.json.encode(manifest))
                for name, blob in blobs.items():
                    archive.writestr(_NAMES.get(name, name), blob)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        msg = f"{file}: can't be written ({error.strerror or error}); check path and room"
        raise ArchiveError(msg) from error
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def import_(store: ModelStore, file: Path, *, lock: ModelLock | None = None) -> Manifest:
    """Publish the version that is in a file, under its own name; it is not activated.

    Raises
    ------
    ArchiveError
        If the file is no such archive, or damaged.
    ModelStoreError
        If the version in it can't be used, or not be published.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            manifest, blobs = _read(archive, str(file))
    except (zipfile.BadZipFile, KeyError, NotImplementedError, EOFError) as error:
        msg = f"{file}: not a whole archive of a model ({error}); export or copy it again"
        raise ArchiveError(msg) from error
    except OSError as error:
        msg = f"{file}: can't be read ({error.strerror or error}); check path and permissions"
        raise ArchiveError(msg) from error
    unpack(manifest, blobs)
    store.write(manifest, blobs, lock=lock)
    return manifest


def _read(archive: zipfile.ZipFile, where: str) -> tuple[Manifest, dict[str, bytes]]:
    """Read every part, and compare it with the manifest."""
    manifest = read_manifest(archive.read(_MANIFEST), None, where)
    blobs = {}
    for name, part in manifest.parts.items():
        blobs[name] = archive.read(_NAMES.get(name, name))
        if describe(blobs[name]) != part:
            msg = f"{where}: {_NAMES.get(name, name)} is damaged or of another model; export again"
            raise ArchiveError(msg)
    return manifest, blobs
