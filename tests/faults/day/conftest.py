"""One broker for all rows that don't break theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.embedded.kafka.server import EmbeddedKafka
from tests.integration.world import World, make_world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """Give the broker."""
    with EmbeddedKafka() as running:
        yield running


@pytest.fixture(scope="session")
def world() -> World:
    """Give the models that the rows publish."""
    return make_world()
