"""Worlds of other sizes, made of one that was trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from data.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tests.benchmarks.world import World

_NOISE = 0.1  # of a factor's own spread


def few(world: World, users: int) -> World:
    """Keep the first users alone."""
    return world._replace(users=world.users[:users], histories=world.histories[:users])


def tiled(world: World, times: int) -> World:
    """Put a model's videos there that many times, each time with a little noise on its factors.

    The histories are of the videos that were there before.
    """
    model, random = world.model, np.random.default_rng(0)
    factors = np.tile(model.item_factors, (times, 1))
    noise = random.standard_normal(factors.shape, np.float32)
    noise[: model.n_items] = 0
    factors += _NOISE * model.item_factors.std() * noise
    ids = model.vocabulary.ids
    more = [f"{video}-{number}" for number in range(1, times) for video in ids]
    regular = world.regularization * np.eye(model.n_factors)
    wide = factors.astype(np.float64)
    larger = replace(
        model,
        item_factors=factors,
        gram=wide.T @ wide + regular,
        prior=np.tile(model.prior, times),
        popularity=np.tile(model.popularity, times),
        blocked=np.tile(model.blocked, times),
        vocabulary=Vocabulary([*ids, *more]),
        watch_scale=None,
    )
    return world._replace(model=larger)
