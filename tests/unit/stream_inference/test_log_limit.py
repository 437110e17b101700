"""Logs are bounded, and say what was held back."""

from __future__ import annotations

import logging

from stream_inference.logs.limit import LogLimit


def record(text: str) -> logging.LogRecord:
    """Give one line of a log."""
    return logging.LogRecord("kafka", logging.ERROR, __file__, 1, text, ("x",), None)


def test_lines_beyond_the_limit_are_held_back() -> None:
    """Of one kind of line only the first few pass in a period; another kind is not affected."""
    limit = LogLimit(lines=2, period_s=1000)
    assert [limit.filter(record("no broker %s")) for _ in range(5)] == [True, True] + [False] * 3
    assert limit.filter(record("no topic %s"))


def test_next_period_tells_how_many_were_held_back() -> None:
    """The first line after a period says how many of its kind did not pass."""
    limit = LogLimit(lines=1, period_s=-1)
    assert limit.filter(record("no broker %s"))
    limit._seen = {kind: (start, 4) for kind, (start, _) in limit._seen.items()}
    line = record("no broker %s")
    assert limit.filter(line)
    assert line.getMessage() == "no broker x (3 more such lines were held back)"
