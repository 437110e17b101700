"""A Redis that comes back empty under a worker that holds a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_store import ModelStore
from stream_inference.hot_swap import HotSwap
from tests.builders import model

if TYPE_CHECKING:
    import pytest

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys


def test_a_lost_model_is_told(
    client: Client, keys: RedisKeys, caplog: pytest.LogCaptureFixture
) -> None:
    """The model in hand goes on serving; that Redis has none is told once, until it has one."""
    store, version = ModelStore(client, keys), ModelVersion("one")
    swap = HotSwap(store)
    swap.poll()
    assert swap.trouble == "", "before the first night nothing is lost"
    store.publish(version, model(), Catalogue())
    store.activate(version)
    assert swap.poll()
    client.flushall()
    assert not swap.poll()
    assert not swap.poll()
    assert swap.serving is not None
    assert swap.serving.version == version
    assert "Redis holds no model any more" in swap.trouble
    assert swap.refused == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        f"one stays: {swap.trouble}"
    ]
    store.publish(version, model(), Catalogue())
    store.activate(version)
    assert swap.poll()
    assert swap.trouble == ""
