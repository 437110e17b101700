"""Publish: put a model under a new version, and make it the one that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from data.frozen_model import new_version

if TYPE_CHECKING:
    from datetime import datetime

    from batch_training.night_report import NightReport
    from data.catalogue import Catalogue
    from data.frozen_model import FrozenModel
    from data.model_lock import ModelLock
    from data.model_store import Active, ModelStore


def publish(
    model: FrozenModel,
    catalogue: Catalogue,
    store: ModelStore,
    built_at: datetime,
    report: NightReport | None = None,
    lock: ModelLock | None = None,
) -> Active:
    """Write a version whole, verify it, then move the pointer to it.

    Parameters
    ----------
    built_at
        When the model was made, with a time zone; part of the version's name.
    report
        Is published with the model, and told the version's name.
    lock
        Held by the caller: if another run takes it meanwhile, not one key more is written.

    Raises
    ------
    data.model_store.ModelStoreError
        If there is no room, or Redis gives back something else than was written; the pointer
        then stays.
    data.model_lock.LostLockError
        If the lock was lost.
    """
    version = new_version(model.to_bytes(), built_at)
    told = b""
    if report is not None:
        report.version = version
        told = msgspec.json.encode(report)
    store.publish(version, model, catalogue, told, lock=lock)
    return store.activate(version, lock=lock)
