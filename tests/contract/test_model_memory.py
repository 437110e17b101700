"""A worker that loads a model, or swaps it, holds little beside what it serves from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_store import ModelStore
from tests.builders import model

if TYPE_CHECKING:
    from data.redis_connection import Client
    from data.redis_keys import RedisKeys
    from deploy.embedded.redis_server import EmbeddedRedis

MIB = 2**20
ITEMS, FACTORS = 60_000, 128
FACTORS_MIB = ITEMS * FACTORS * 4 / MIB  # 29
# Polls twice, with another model in between, and says by how many bytes memory rose at most.
WORKER = """
import sys
from pathlib import Path
from data.model_store import ModelStore
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from stream_inference.hot_swap import HotSwap

def kib(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

client, keys = connect(sys.argv[1]), RedisKeys("test")
swap = HotSwap(ModelStore(client, keys))
client.ping()
before = kib("VmRSS")
for version in ("one", "two"):
    ModelStore(client, keys).current()
    client.set(keys.current, f"{len(version) + ord(version[0])}000 {version}")
    assert swap.poll(), swap.trouble
    print((kib("VmHWM") - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize("server", ["redis-server"], indirect=True)
def test_a_model_is_held_once(client: Client, server: EmbeddedRedis, keys: RedisKeys) -> None:
    """Loading takes the factors and half as much more; a swap one set of them beside that.

    Allowed for beside: 150 bytes a video, for its id above all, and 20 MiB to work with.
    """
    store = ModelStore(client, keys)
    whole = model(ITEMS, FACTORS, follow_ups=None, watch_scale=None)
    for name in ("one", "two"):
        store.publish(ModelVersion(name), whole, Catalogue())
    ran = subprocess.run(
        [sys.executable, "-c", WORKER, server.url], check=True, stdout=subprocess.PIPE, text=True
    )
    load, swap = (int(line) / MIB for line in ran.stdout.split())
    aside = 20 + ITEMS * 150 / MIB
    assert load < 1.5 * FACTORS_MIB + aside
    assert swap < 2.5 * FACTORS_MIB + 2 * aside
