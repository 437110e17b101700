"""The oracle is worth something only while it stands apart and notices what is wrong."""

from __future__ import annotations

import ast
import inspect

from tests import oracle, oracle_signals
from tests.oracle import UpNext, compare_lists

LIST: UpNext = {
    "at": 1,
    "personal": True,
    "items": [("a", 0.5), ("b", 0.25), ("c", 0.125)],
    "scores": {"a": 0.5, "b": 0.25, "c": 0.125, "d": 0.125 - 1e-8, "e": 0.1},
}


def test_imports_nothing_of_what_it_checks() -> None:
    """The oracle imports numpy, the standard library and its own second half, nothing else."""
    modules = set()
    for half in (oracle, oracle_signals):
        for node in ast.walk(ast.parse(inspect.getsource(half))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules.add(node.module or "")
    own = {"tests.oracle_signals"}
    assert modules - own == {"__future__", "collections.abc", "numpy", "numpy.typing", "typing"}


def test_equal_lists_differ_in_nothing() -> None:
    """A list with the expected ids and nearly the expected scores is right."""
    assert compare_lists([("a", 0.500001), ("b", 0.25), ("c", 0.125)], LIST) == []


def test_near_tie_may_swap() -> None:
    """An id with nearly the same score may stand in another's place, but only with tolerance."""
    got = [("a", 0.5), ("b", 0.25), ("d", 0.125)]
    assert compare_lists(got, LIST) == []
    assert compare_lists(got, LIST, tolerance=0) != []


def test_every_fault_is_noticed() -> None:
    """A missing, swapped, foreign, repeated or misjudged video is complained of."""
    faulty = [
        [("a", 0.5), ("b", 0.25)],
        [("b", 0.25), ("a", 0.5), ("c", 0.125)],
        [("a", 0.5), ("b", 0.25), ("e", 0.1)],
        [("a", 0.5), ("b", 0.25), ("x", 0.125)],
        [("a", 0.5), ("a", 0.25), ("c", 0.125)],
        [("a", 0.5), ("b", 0.26), ("c", 0.125)],
    ]
    assert all(compare_lists(got, LIST) for got in faulty)
