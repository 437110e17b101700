"""The bound on a micro-batch, which follows what a list costs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream_inference.batch_bound import BatchBound


def test_grows_while_lists_are_cheap() -> None:
    """The bound doubles, batch by batch, up to the most."""
    bound = BatchBound(most=100, seconds=0.1)
    seen = []
    for _ in range(5):
        seen.append(bound.events)
        bound.learn(lists=bound.events, seconds=0.0001 * bound.events)
    assert seen == [16, 32, 64, 100, 100]


def test_settles_at_what_fits() -> None:
    """Lists of 5 ms each fit twenty into 0.1 s."""
    bound = BatchBound(most=256, seconds=0.1)
    for _ in range(10):
        bound.learn(lists=bound.events, seconds=0.005 * bound.events)
    assert bound.events in (19, 20)


def test_no_lists_say_nothing() -> None:
    """A batch that made no list, as nothing in it was new, leaves the bound as it is."""
    bound = BatchBound(most=256, seconds=0.1)
    bound.learn(lists=0, seconds=0.0)
    assert bound.events == 16


@given(st.integers(1, 300), st.integers(0, 300), st.floats(0, 1e6))
def test_always_leaves_room_for_one(most: int, lists: int, seconds: float) -> None:
    """Whatever a batch took, the next one may hold an event, and never more than the most."""
    bound = BatchBound(most, seconds=0.1)
    bound.learn(lists, seconds)
    assert 1 <= bound.events <= most
