"""The quick rows of the fault table, once each; `make faults` runs them all, and often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.day.rows import ROWS

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.embedded.kafka.server import EmbeddedKafka
    from tests.faults.day.table import Row
    from tests.integration.world import World

QUICK = [row for row in ROWS if row.quick]


@pytest.mark.slow
@pytest.mark.parametrize("row", QUICK, ids=[row.name for row in QUICK])
def test_row(row: Row, kafka: EmbeddedKafka, world: World, tmp_path: Path) -> None:
    """Under each fault nothing is lost or doubled, and every list is right in the end."""
    outcome = row.run(None if row.own_broker else kafka, world, tmp_path)
    assert row.is_held(outcome), outcome
