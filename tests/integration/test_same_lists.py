"""Night, day and oracle give everybody the same list: on MovieLens-1M, where it can be had."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from batch_training.histories import merge_events
from batch_training.train import fit, freeze, training_set
from batch_training.train_settings import TrainSettings
from data.model_store import ModelStore
from data.sources.data_set import default_cache
from data.sources.movielens import load_movielens_1m
from data.sources.sample import make_sample
from data.sources.table import SourceError
from data.up_next import rank_histories
from stream_inference.recommend import Serving
from stream_inference.refresh import refresh
from tests import oracle
from tests.builders import plain_model
from tests.integration.world import (
    Stores,
    activate,
    expect,
    loaded,
    send,
    wait_until_follows,
    wait_until_reflected,
)
from tests.unit.nights import plain

if TYPE_CHECKING:
    from batch_training.histories import Histories
    from data.frozen_model import FrozenModel
    from data.sources.data_set import DataSet
    from deploy.embedded.stack import EmbeddedStack
    from tests.integration.world import Plain

NIGHT_BATCH = 256  # lists that the night's evaluation makes at once
LENGTH = 20
PROBED = 60  # users whose list is made by the oracle's own slow way as well
SENT = 100  # users whose whole history is sent through the broker
"""E"""
