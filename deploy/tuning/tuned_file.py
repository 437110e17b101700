"""The file that a search writes: settings that a night reads, and how they were found."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batch_training.training.flat import flat_values
from batch_training.tuning.parts import PARTS
from deploy.settings import TunedSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_training.judgements import Interval
    from batch_training.training.flat import Value
    from deploy.tuning.run import Found


class TunedFileError(OSError):
    """What was found can't be written; the message says where, and what to do."""


def check_writable(file: Path) -> None:
    """See before a long search that its result can be written.

    Raises
    ------
    TunedFileError
        If it can't.
    """
    with _explained(file):
        if file.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        partial = _partial(file)
        partial.touch()
        partial.unlink()


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    TunedFileError
        If it can't be written.
    """
    with _explained(file):
        partial = _partial(file)
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)


def tuned_values(found: Found) -> dict[str, Value]:
    """Give the settings to train with, by name, without those of parts that are switched off."""
    values = flat_values(found.best)
    decided = found.space.settings | (found.given.keys() & TunedSettings.model_fields.keys())
    names = [name for name in values if name in decided]
    off = {part for part in PARTS if part in names and not values[part]}
    return {
        name: values[name]
        for name in names
        if name in off or not any(name.startswith(part.partition("_weight")[0]) for part in off)
    }


def tuned_text(found: Found, at_ms: int) -> str:
    """Give the file's text.

    Parameters
    ----------
    at_ms
        Present time, in ms UTC.
    """
    bench, standing = found.bench, found.standing
    defaults, reached, gain = found.worths
    window = f"{_day(bench.from_at)} to {_day(bench.to_at)}"
    lines = [
        f"# Found by `upnext tune` on {_day(at_ms)}: {standing.done} trials, {standing.pruned} of",
        "# them given up early.",
        f"# Judged by the {bench.protocol} protocol, {len(bench.users):,} lists, {window};",
        "# the newest events, by which a night judges, were not looked at.",
        f"# {bench.metric} of the defaults: {_told(defaults)}",
        f"# {bench.metric} of these settings: {_told(reached)}",
        f"# Difference: {gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})",
        "# `upnext night` takes what neither flags, UPNEXT_* variables nor upnext.toml give.",
    ]
    values = tuned_values(found)
    if found.is_default:
        lines.append(
            "# Nothing better than the defaults was found; they follow the data each night."
        )
        values = {name: value for name, value in values.items() if name in found.given}
    lines += ["", *(f"{name} = {_toml(value)}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Value) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _told(value: Interval) -> str:
    return f"{value.mean:.4f} ({value.low:.4f} to {value.high:.4f})"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def _partial(file: Path) -> Path:
    return file.with_name(f".{file.name}.{os.getpid()}")


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Say what to do where nothing can be written."""
    try:
        yield
    except OSError as error:
        msg = f"Can't write {file} ({error.strerror}); name another file with --out"
        raise TunedFileError(msg) from error
