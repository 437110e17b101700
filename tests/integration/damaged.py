"""A published version that is damaged behind everybody's back, and served."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from data.catalogue import Catalogue
from data.frozen_model import new_version
from data.model_store import Active
from data.redis_keys import RedisKeys

if TYPE_CHECKING:
    from data.frozen_model import FrozenModel
    from tests.integration.world import Stores

KEYS = RedisKeys("upnext")


def point_at_damaged(stores: Stores, model: FrozenModel, fault: str, activation: int) -> Active:
    """Publish a version, damage it, and move the pointer to it by hand.

    Parameters
    ----------
    fault
        ``flipped``: one bit of a chunk; ``mixed up``: a chunk says of each video what is true of
        another; ``missing``: a chunk; ``no manifest``.
    """
    version = new_version(model.to_bytes() + fault.encode(), datetime.now(UTC))
    stores.models.publish(version, model, Catalogue())
    chunk = KEYS.chunk(version, "model", 0)
    if fault in ("flipped", "mixed up"):
        stores.client.set(chunk, _flipped(model) if fault == "flipped" else _mixed_up(model))
    else:
        stores.client.delete(chunk if fault == "missing" else KEYS.manifest(version))
    stores.client.set(KEYS.current, f"{activation} {version}")
    return Active(activation, version)


def _flipped(model: FrozenModel) -> bytes:
    content = model.to_bytes()
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _mixed_up(model: FrozenModel) -> bytes:
    return replace(model, item_factors=np.roll(model.item_factors, 1, axis=0)).to_bytes()
