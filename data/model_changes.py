"""What a person may change between two nights: which version is served, and its catalogue.

A version is never changed: where another catalogue is needed, a new version is derived, with the
same factors. A video that was taken down stays down, whichever version is served next.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data.catalogue import Catalogue
from data.frozen_model import new_version
from data.model_store import ModelStoreError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from data.catalogue import CatalogueUpdate
    from data.frozen_model import FrozenModel, ModelVersion
    from data.model_lock import ModelLock
    from data.model_store import Active, ModelStore


class Served(NamedTuple):
    """What became of the wish to serve a version.

    Attributes
    ----------
    active
        What is served now.
    wanted
        What was asked for; another version than that of `active` if one had to be derived, so
        that what was taken down since stays down.
    unread
        Why the catalogue that was served before could not be looked at; empty if it could.
    """

    active: Active
    wanted: ModelVersion
    unread: str = ""


def activate(
    store: ModelStore, version: ModelVersion, lock: ModelLock, undo: Active | None = None
) -> Served:
    """Serve a version, and carry over what was taken down in the catalogue that is served now.

    Parameters
    ----------
    undo
        See `ModelStore.activate`.

    Raises
    ------
    ModelStoreError
        If the version can't be used; then nothing changes.
    LostLockError
        If another took the lock; then nothing changes.
    """
    unread, current = "", store.current()
    target = version
    if current is not None and current.version != version:
        try:
            newest = store.catalogue(current.version)
        except ModelStoreError as error:  # just what one may want to roll back from
            unread = str(error)
        else:
            target = _with_blocks_of(newest, store, version, lock)
    return Served(store.activate(target, lock=lock, undo=undo), version, unread)


def roll_back(store: ModelStore, lock: ModelLock) -> Served:
    """Serve what was served before; see `ModelStore.previous`. Errors as `activate`."""
    previous = store.previous()
    if previous is None:
        msg = (
            "There is nothing to roll back to: no other version that was served is still there. "
            "`upnext models list` shows those that could be activated."
        )
        raise ModelStoreError(msg)
    return activate(store, previous.version, lock, undo=previous)


def update_catalogue(
    store: ModelStore, file: Path, lock: ModelLock
) -> tuple[CatalogueUpdate, Active]:
    """Take changes into the catalogue that is served, and serve the model with it.

    Without any change nothing is published. A roll back won't go to the version before the update.

    Raises
    ------
    data.catalogue.CatalogueError
        If the file can't be used.
    ModelStoreError, LostLockError
        As `activate`; also if nothing is served yet.
    """
    current = store.current()
    if current is None:
        msg = "No model is served yet, so there is no catalogue to update. Run a night first."
        raise ModelStoreError(msg)
    old = store.catalogue(current.version)
    update = old.updated(file)
    if update.catalogue == old:
        return update, current
    version = derive(store, current.version, update.catalogue, "catalogue update", lock)
    return update, store.activate(version, lock=lock, undo=current)


def derive(
    store: ModelStore, base: ModelVersion, catalogue: Catalogue, why: str, lock: ModelLock | None
) -> ModelVersion:
    """Publish a version with the same factors and another catalogue.

    Parameters
    ----------
    why
        For people; stands in the metadata as ``derived``, beside ``parent``.
    """
    model = store.load(base).model
    derived = replace(
        model,
        blocked=_blocked_rows(model, catalogue),
        metadata=model.metadata | {"parent": base, "derived": why},
    )
    version = new_version(derived.to_bytes(), datetime.now(UTC))
    store.publish(version, derived, catalogue, store.report(base), lock=lock)
    return version


def _with_blocks_of(
    newest: Catalogue, store: ModelStore, version: ModelVersion, lock: ModelLock
) -> ModelVersion:
    """Give the version, or one derived from it, in which the same videos are blocked."""
    loaded = store.load(version)
    if np.array_equal(loaded.model.blocked, _blocked_rows(loaded.model, newest)):
        return version
    both = Catalogue([*loaded.catalogue.values(), *newest.values()])
    return derive(store, version, both, "blocked videos carried over", lock)


def _blocked_rows(model: FrozenModel, catalogue: Catalogue) -> NDArray[np.bool_]:
    """Tell which rows may not be listed; of a video that isn't in the catalogue nothing changes."""
    pairs = zip(model.vocabulary.ids, model.blocked.tolist(), strict=True)
    return np.array(
        [catalogue[name].blocked if name in catalogue else was for name, was in pairs], np.bool_
    )
