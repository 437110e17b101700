"""Catalogue: what is known of each video beside who watched it; published with the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from data.interaction import Id

if TYPE_CHECKING:
    from pathlib import Path

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


class CatalogueError(ValueError):
    """A catalogue that can't be read; the message says where and what to do."""


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

    @classmethod
    def read(cls, path: Path) -> Catalogue:
        """Read a Parquet file, or a JSONL file with one video a line.

        Only the column ``id`` must be there; columns that `Video` doesn't know are ignored.

        Raises
        ------
        CatalogueError
            If the file can't be read, or a row is wrong: it names the row (the line in JSONL).
        """
        if (videos_of := _READERS.get(path.suffix)) is None:
            msg = f"{path}: a catalogue ends in {' or '.join(_READERS)}; convert or rename the file"
            raise CatalogueError(msg)
        try:
            with path.open("rb") as file:
                return cls(videos_of(file, str(path)))
        except OSError as error:
            msg = f"{path}: can't be read ({error.strerror or error}); check path and permissions"
            raise CatalogueError(msg) from error

    def to_bytes(self) -> bytes:
        """Pack the catalogue into a Parquet file."""
        rows = [msgspec.structs.asdict(video) for video in self._videos.values()]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), sink, compression="zstd")
        return bytes(sink.getvalue())

    @classmethod
    def from_bytes(cls, payload: bytes) -> Catalogue:
        """Unpack what `to_bytes` packed.

        Raises
        ------
        CatalogueError
            If the bytes are no catalogue.
        """
        return cls(_parquet_videos(BytesIO(payload), "the packed catalogue"))


def _parquet_videos(file: BinaryIO, name: str) -> Iterator[Video]:
    """Read the videos of a Parquet file a bounded batch at a time."""
    try:
        parquet = pq.ParquetFile(file)
        columns = parquet.schema_arrow.names
        if "id" not in columns:
            msg = f"{name}: has no column id, only {', '.join(columns)}; rename or add it"
            raise CatalogueError(msg)
        known = [column for column in columns if column in Video.__struct_fields__]
        batches = parquet.iter_batches(columns=known)
        rows = chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, row in enumerate(rows, start=1):
            yield _video(row, f"{name}, row {number}")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        msg = f"{name}: not a whole Parquet file ({error}); write or copy it again"
        raise CatalogueError(msg) from error


def _jsonl_videos(file: BinaryIO, name: str) -> Iterator[Video]:
    """Read the videos of a JSONL file; blank lines say nothing."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        place = f"{name}, line {number}"
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            msg = f"{place}: not a JSON object ({error}); mend it or take it out"
            raise CatalogueError(msg) from error
        yield _video(row, place)


def _video(row: dict[str, Any], place: str) -> Video:
    """Check one row; an empty cell is the same as a missing column."""
    given = {key: value for key, value in row.items() if value is not None}
    try:
        return msgspec.convert(given, Video)
    except msgspec.ValidationError as error:
        msg = f"{place}: {error}; mend it or take it out"
        raise CatalogueError(msg) from error


_READERS = {".parquet": _parquet_videos, ".jsonl": _jsonl_videos}
