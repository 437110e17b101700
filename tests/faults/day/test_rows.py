"""The quick rows of the fault table, once each; `make faults` runs them all, and often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.day.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from deploy.embedded.kafka import EmbeddedKafka
    from tests.faults.day.table import Outcome, Row
    from tests.integration.world import World

QUICK = [row for row in ROWS if row.quick]


@pytest.fixture(scope="module")
def outcomes(
    kafka: EmbeddedKafka, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """Run all quick rows at the same time: they wait most of it."""
    with ThreadPoolExecutor(len(QUICK)) as pool:
        yield {
            row.name: pool.submit(
                row.run,
                None if row.own_broker else kafka,
                world,
                tmp_path_factory.mktemp(row.play.__name__),
            )
            for row in QUICK
        }


@pytest.mark.slow
@pytest.mark.parametrize("row", QUICK, ids=[row.name for row in QUICK])
def test_row(row: Row, outcomes: dict[str, Future[Outcome]]) -> None:
    """Under each fault nothing is lost or doubled, and every list is right in the end."""
    outcome = outcomes[row.name].result()
    assert row.is_held(outcome), outcome
