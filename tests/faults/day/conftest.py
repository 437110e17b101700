"""The models of all rows."""

from __future__ import annotations

import pytest

from tests.integration.world import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    """Give the models that the rows publish."""
    return make_world()
