"""Storage: the file that remembers the trials of a search."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec
import optuna
from optuna.exceptions import StorageInternalError

from batch_training.tuning.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_training.training.settings import TrainSettings
    from batch_training.tuning.bench import Bench
    from batch_training.tuning.space import Space


def study_name(bench: Bench, space: Space, base: TrainSettings) -> str:
    """Name a search by all that its results hang on."""
    plain = msgspec.structs.replace(base, threads=0, device="auto")
    told = msgspec.json.encode([plain, space.parameters])
    return f"{bench.digest()}-{hashlib.sha256(told).hexdigest()[:16]}"


@contextmanager
def open_study(file: Path, name: str) -> Iterator[optuna.Study]:
    """Open the memory of a search, or begin one.

    Parameters
    ----------
    file
        An SQLite file; made with its folder where there is none.
    name
        The same name finds the same trials again.

    Raises
    ------
    batch_training.tuning.errors.StorageError
        If it can't be read or written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _explained(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file)) as database:
            database.execute("begin immediate")  # it can be written, and is a database
        storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    try:
        with _explained(file):
            study = optuna.create_study(
                storage=storage, study_name=name, direction="maximize", load_if_exists=True
            )
        with _explained(file):
            yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Say what to do where the memory of a search can't be used."""
    try:
        yield
    except (OSError, sqlite3.Error, StorageInternalError) as error:
        msg = (
            f"Can't remember trials in {file} ({str(error).splitlines()[0]}). Make room, or name "
            "another file with --storage; a broken one may be deleted, its trials are lost then."
        )
        raise StorageError(msg) from error
