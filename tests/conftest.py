"""Settings and servers that every test shares."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from deploy.embedded.kafka import EmbeddedKafka, KafkaMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

# BLAS with threads of its own fights for the cores; implicit warns of it, which is an error here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The same examples in every run, so that a red build is red for everybody.
settings.register_profile(
    "upnext", derandomize=True, database=None, deadline=None, max_examples=60, print_blob=True
)
settings.load_profile("upnext")


def start_kafka() -> EmbeddedKafka:
    """Start a real Kafka; where it can't be had the test is skipped, and fails in CI."""
    try:
        return EmbeddedKafka()
    except KafkaMissingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no real Kafka: {error}")


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """Give the real Kafka that tests share; each takes topics of its own and leaves it running."""
    with start_kafka() as running:
        yield running
