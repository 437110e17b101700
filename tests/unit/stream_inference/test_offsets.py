"""A worker commits only what it has by its present place in the group."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from aiokafka.errors import IllegalGenerationError

from stream_inference.faust_worker.offsets import commit_as_a_member
from tests.unit.stream_inference.handed import FIRST


@pytest.mark.parametrize(
    ("generation", "active", "commits"), [(3, True, 1), (-1, True, 0), (4, True, 0), (3, False, 0)]
)
def test_commits_as_a_member(generation: int, active: bool, commits: int) -> None:  # noqa: FBT001 - a case
    """Nothing is committed past the place in the group in which it was acknowledged."""
    seen = []

    async def commit(*what: object) -> None:
        seen.append(what)

    coordinator = SimpleNamespace(generation=generation, group_id="g", _do_commit_offsets=commit)
    commit_as_a_member(coordinator, SimpleNamespace(consumer_generation_id=3))
    refused = nullcontext() if commits else pytest.raises(IllegalGenerationError)
    with refused:
        asyncio.run(coordinator._do_commit_offsets(SimpleNamespace(active=active), {FIRST: 1}))
    assert len(seen) == commits
