"""Interactions out of files and folders, whatever format they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from data.sources.column_map import ColumnMap
from data.sources.csv_file import read_csv
from data.sources.jsonl_file import read_jsonl
from data.sources.movielens_folder import is_movielens, read_movielens
from data.sources.parquet import read_parquet
from data.sources.table import SourceError
from data.sources.text import COMPRESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from data.sources.table import Table

_TEXT: Final = {".csv": read_csv, ".jsonl": read_jsonl}
_READERS: Final = {
    ".parquet": read_parquet,
    **_TEXT,
    **{kind + how: read for kind, read in _TEXT.items() for how in COMPRESSIONS},
}
_FORMATS: Final = ", ".join(_READERS)
_SHOWN: Final = 5  # names of a folder that holds nothing to read


def read_interactions(path: Path, mapping: ColumnMap | None = None) -> Iterator[Table]:
    """Read a file of interactions, or every such file in a folder and below, in order of name.

    The columns ``user, video, kind, at`` must be there, ``watch_ratio`` and ``rating`` may be;
    others are ignored. Nothing is judged here: values come as they stand in the file, rows that
    can't even be taken apart are listed beside them. Memory is bounded, however long a file is.

    In Parquet a column of whole numbers as ids is taken as text, as in CSV all ids are; in JSONL
    a number is no id, as in a live event. Times are read as `data.sources.times.to_ms` says.

    Parameters
    ----------
    path
        A file ending in .parquet, .csv (commas, a header line) or .jsonl (one object a line), the
        last two also compressed (.gz, .zst); a folder of such files, for one the archive of
        events by day; or a folder of MovieLens, as GroupLens publishes it, when no mapping is
        given. Files and folders whose name begins with a dot or an underscore are passed over.
    mapping
        Which columns stand for which; all have their own names if None.

    Raises
    ------
    SourceError
        If there is nothing to read, or a file can't be read to its end: rows before a break are
        not enough, as nobody could tell how many are missing.
    """
    names = mapping or ColumnMap()
    if names == ColumnMap() and path.is_dir() and is_movielens(path):
        yield from read_movielens(path)
        return
    for file in _files(path):
        try:
            yield from _READERS[_ending(file)](file, names)
        except OSError as error:
            raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> SourceError:
    """Say what to do about a file that can't be read at all, or not to its end."""
    if error.errno is None and file.suffix in COMPRESSIONS:
        return SourceError(
            f"{file}: is damaged or breaks off ({error}). It may have been cut off while it was "
            "written or copied: write it again, or take it out"
        )
    return SourceError(
        f"{file}: can't be read ({error.strerror or error}); check path and permissions"
    )


def _files(path: Path) -> list[Path]:
    """List the files that `read_interactions` reads."""
    if not path.exists():
        msg = f"{path}: there is no such file or folder; check the path"
        raise SourceError(msg)
    if path.is_dir():
        found = sorted(
            file
            for file in path.rglob("*")
            if _is_meant(file.relative_to(path)) and not file.is_dir()
        )
        if not found:
            there = sorted(file.name for file in path.iterdir())
            names = ", ".join([*there[:_SHOWN], *(["..."] if len(there) > _SHOWN else [])])
            msg = (
                f"{path}: no interactions in this folder; they are looked for in files {_FORMATS}. "
                f"It holds {names or 'nothing'}"
            )
            raise SourceError(msg)
        return found
    if _ending(path) not in _READERS:
        msg = f"{path}: interactions are read from files {_FORMATS}; convert or unpack this one"
        raise SourceError(msg)
    return [path]


def _ending(file: Path) -> str:
    """Give what a file ends in, the compression included."""
    return "".join(file.suffixes[-2:]) if file.suffix in COMPRESSIONS else file.suffix


def _is_meant(file: Path) -> bool:
    """Tell interactions from what other programs leave in a folder for themselves."""
    return _ending(file) in _READERS and not any(part[0] in "._" for part in file.parts)
