"""Manifest: what a published version consists of, and how a part is cut into chunks."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

FORMAT: Final = 1
CHUNK_BYTES: Final = 4 * 1024 * 1024


# What a version can't be served without; a further part, such as the report, is for people.
NEEDED_PARTS: Final = frozenset({"model", "catalogue"})


class ModelStoreError(RuntimeError):
    """A version that is missing, incomplete or damaged, or that can't be written; says which."""


class Part(msgspec.Struct, frozen=True):
    """One part of a version: its size in bytes and the SHA-256 of each chunk."""

    size: int
    chunks: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a version consists of; written last, so a version with a manifest was whole once.

    Attributes
    ----------
    version
        Name of the version.
    shape
        Rows and columns of the item factors.
    parts
        ``model``, ``catalogue``, and ``report`` where there is one.
    metadata
        Facts for people, copied from the model: settings, sizes, quality.
    """

    format: int
    version: str
    shape: tuple[int, int]
    parts: dict[str, Part]
    metadata: dict[str, object]

    @property
    def chunk_counts(self) -> dict[str, int]:
        """Into how many chunks each part is cut."""
        return {name: len(part.chunks) for name, part in self.parts.items()}

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts.values())


def read_manifest(value: bytes, version: str | None, where: str) -> Manifest:
    """Decode a manifest.

    Parameters
    ----------
    version
        Whose it should be; None if any will do.
    where
        Where it stands, for messages.

    Raises
    ------
    ModelStoreError
        If it can't be read, or is of another version or format.
    """
    of = f"the manifest of version {version}" if version else "the manifest"
    try:
        manifest = msgspec.json.decode(value, type=Manifest)
    except msgspec.MsgspecError as error:
        msg = f"{of} can't be read: {error} ({where})"
        raise ModelStoreError(msg) from error
    if manifest.format != FORMAT:
        msg = f"{of} has format {manifest.format}; this release reads {FORMAT} ({where})"
        raise ModelStoreError(msg)
    if version not in {None, manifest.version} or not manifest.parts.keys() >= NEEDED_PARTS:
        msg = f"{of} is of another or lacks a part ({where})"
        raise ModelStoreError(msg)
    return manifest


def chunks(blob: bytes) -> list[memoryview]:
    """Cut a part into pieces of at most `CHUNK_BYTES`."""
    return [memoryview(blob)[i : i + CHUNK_BYTES] for i in range(0, len(blob), CHUNK_BYTES)]


def describe(blob: bytes) -> Part:
    """Take the size and the digests of a part."""
    with ThreadPoolExecutor(2) as pool:  # hashing lets other threads run
        return Part(len(blob), tuple(pool.map(digest, chunks(blob))))


def digest(data: bytes | memoryview) -> str:
    """Give the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
