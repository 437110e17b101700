"""Manifest: what a published version consists of, and how a part is cut into chunks."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

CHUNK_BYTES: Final = 4 * 1024 * 1024


class Part(msgspec.Struct, frozen=True):
    """One part of a version: its size in bytes and the SHA-256 of each chunk and of the whole."""

    size: int
    sha256: str
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
        ``model`` and ``catalogue``.
    metadata
        Facts for people, copied from the model: settings, sizes, quality.
    """

    format: int
    version: str
    shape: tuple[int, int]
    parts: dict[str, Part]
    metadata: dict[str, object]


def chunks(blob: bytes) -> list[bytes]:
    """Cut a part into pieces of at most `CHUNK_BYTES`."""
    return [blob[i : i + CHUNK_BYTES] for i in range(0, len(blob), CHUNK_BYTES)]


def describe(blob: bytes) -> Part:
    """Take the size and the digests of a part."""
    return Part(len(blob), digest(blob), tuple(digest(chunk) for chunk in chunks(blob)))


def digest(data: bytes) -> str:
    """Give the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
