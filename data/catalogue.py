"""Catalogue: what is known of each video beside who watched it; published with the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.catalogue_files import CatalogueError, GivenRow, parquet_rows, read_rows
from data.interaction import Id

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Catalogue", "CatalogueError", "CatalogueUpdate", "Video"]

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("categories", pa.list_(pa.string())),
        ("channel", pa.string()),
        ("duration", pa.float64()),
        ("published", pa.int64()),
        ("blocked", pa.bool_()),
    ]
)


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """One video.

    Attributes
    ----------
    id
        External id, the same as in the interactions.
    title
        What people call it; empty if not known.
    categories
        Its genres or topics, in the order given.
    channel
        Who made it; empty if not known.
    duration
        Length in s, if known.
    published
        When it went online, in ms UTC, if known.
    blocked
        Never to be recommended.
    """

    id: Id
    title: str = ""
    categories: tuple[str, ...] = ()
    channel: str = ""
    duration: Annotated[float, msgspec.Meta(ge=0)] | None = None
    published: int | None = None
    blocked: bool = False


class Catalogue(Mapping[str, Video]):
    """All videos by id, in the order in which they came.

    Attributes
    ----------
    replaced
        How many entries gave way to a later one with the same id.
    """

    def __init__(self, videos: Iterable[Video] = ()) -> None:
        given = list(videos)
        self._videos = {video.id: video for video in given}
        self.replaced = len(given) - len(self._videos)

    def __getitem__(self, video_id: str) -> Video:
        return self._videos[video_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._videos)

    def __len__(self) -> int:
        return len(self._videos)

    def __repr__(self) -> str:
        return f"Catalogue of {len(self)} videos"

    def title(self, video_id: str) -> str:
        """Give the title of a video, or its id where there is none."""
        video = self._videos.get(video_id)
        return (video and video.title) or video_id

    @property
    def blocked_ids(self) -> frozenset[str]:
        """The ids of the videos that may never be recommended."""
        return frozenset(video.id for video in self._videos.values() if video.blocked)

    def durations(self, ids: Iterable[str]) -> NDArray[np.float64]:
        """Give the duration of each video in s, shape (n,); NaN where it is not known."""
        lasted = ((video := self._videos.get(id_)) and video.duration for id_ in ids)
        return np.array([np.nan if each is None else each for each in lasted], np.float64)

    @classmethod
    def read(cls, path: Path) -> Catalogue:
        """Read a Parquet file, or a JSONL file with one video a line.

        Only the column ``id`` must be there; columns that `Video` doesn't know are ignored.

        Raises
        ------
        CatalogueError
            If the file can't be read, or a row is wrong: it names the row (the line in JSONL).
        """
        return cls(_video(row) for row in read_rows(path, Video.__struct_fields__))

    def updated(self, path: Path) -> CatalogueUpdate:
        """Take in a file of changes, in either format of `read`.

        A cell that is given replaces what was there; an empty cell, and a missing column, leaves
        it. A video that is not in the file stays as it is, and a new one is added.

        Raises
        ------
        CatalogueError
            As `read`.
        """
        videos = dict(self._videos)
        for row in read_rows(path, Video.__struct_fields__):
            given = _video(row)
            old = videos.get(given.id, given)
            names = row.cells.keys() & set(Video.__struct_fields__)
            cells = {name: getattr(given, name) for name in names}
            videos[given.id] = msgspec.structs.replace(old, **cells)
        new = Catalogue(videos.values())
        return CatalogueUpdate(
            catalogue=new,
            added=len(new) - len(self),
            changed=sum(videos[name] != video for name, video in self._videos.items()),
            blocked=len(new.blocked_ids - self.blocked_ids),
            unblocked=len(self.blocked_ids - new.blocked_ids),
        )

    def to_bytes(self) -> bytes:
        """Pack the catalogue into a Parquet file."""
        rows = [msgspec.structs.asdict(video) for video in self._videos.values()]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), sink, compression="zstd")
        return bytes(sink.getvalue())

    @classmethod
    def from_bytes(cls, payload: bytes | memoryview) -> Catalogue:
        """Unpack what `to_bytes` packed.

        Raises
        ------
        CatalogueError
            If the bytes are no catalogue.
        """
        rows = parquet_rows(BytesIO(payload), "the packed catalogue", Video.__struct_fields__)
        return cls(_video(row) for row in rows)


class CatalogueUpdate(NamedTuple):
    """A catalogue after a file of changes, and how many videos that was about.

    Attributes
    ----------
    added, changed
        New videos, and those of which something is different now.
    blocked, unblocked
        Those among both that may not be listed any more, and that may be again.
    """

    catalogue: Catalogue
    added: int
    changed: int
    blocked: int
    unblocked: int

    def __str__(self) -> str:
        """Say it for people."""
        return (
            f"{self.added:,} videos added, {self.changed:,} changed; {self.blocked:,} blocked, "
            f"{self.unblocked:,} unblocked"
        )


def _video(row: GivenRow) -> Video:
    """Check one row."""
    try:
        return msgspec.convert(row.cells, Video)
    except msgspec.ValidationError as error:
        msg = f"{row.place}: {error}; mend it or take it out"
        raise CatalogueError(msg) from error
