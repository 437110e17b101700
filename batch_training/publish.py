"""Publish: put a model under a new version, and make it the one that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.frozen_model import new_version

if TYPE_CHECKING:
    from datetime import datetime

    from data.catalogue import Catalogue
    from data.frozen_model import FrozenModel
    from data.model_store import Active, ModelStore


def publish(
    model: FrozenModel, catalogue: Catalogue, store: ModelStore, built_at: datetime
) -> Active:
    """Write a version whole, verify it, then move the pointer to it.

    Parameters
    ----------
    built_at
        When the model was made, with a time zone; part of the version's name.

    Raises
    ------
    data.model_store.ModelStoreError
        If Redis gives back something else than was written; the pointer then stays.
    """
    version = new_version(model.to_bytes(), built_at)
    store.publish(version, model, catalogue)
    return store.activate(version)
