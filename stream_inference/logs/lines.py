"""One record, one line: for people, or as JSON for programs."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARS: Final = 2_000  # of a message or a fact; they may quote what a stranger has sent
MAX_TRACEBACK_CHARS: Final = 8_000
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN: Final = re.compile(r'[^\s"=]+')


def facts(**values: object) -> dict[str, Mapping[str, object]]:
    """Name the values that belong to a message; for the argument `extra` of a logger."""
    return {"facts": values}


class TextLines(logging.Formatter):
    """``time LEVEL logger: message key=value key="with spaces"``; a traceback is indented below."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as text."""
        values = "".join(f" {name}={_quoted(value)}" for name, value in _facts(record).items())
        head = f"{_time_of(record)} {record.levelname} {record.name}: {_message(record)}{values}"
        return head + "".join(f"\n    {_one_line(line)}" for line in _traceback(record))


class JsonLines(logging.Formatter):
    """One JSON object: time, level, logger, message, the facts, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as JSON."""
        line: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        line |= {name: _bounded(value) for name, value in _facts(record).items()}
        if traceback := _traceback(record):
            line["exception"] = "\n".join(traceback)
        return json.dumps(line, default=str)


def _time_of(record: logging.LogRecord) -> str:
    second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{second}.{int(record.msecs):03d}Z"


def _facts(record: logging.LogRecord) -> Mapping[str, object]:
    found: Mapping[str, object] = getattr(record, "facts", {})
    return {name: _readable(value) for name, value in found.items()}


def _readable(value: object) -> object:
    """Write bytes as the text that they are, or in hexadecimal digits."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _message(record: logging.LogRecord) -> str:
    return _one_line(_cut(record.getMessage(), MAX_CHARS))


def _traceback(record: logging.LogRecord) -> list[str]:
    """Give the lines of the traceback, the last ones if there are too many."""
    if not record.exc_info or record.exc_info[0] is None:
        return []
    text = logging.Formatter().formatException(record.exc_info)
    return text[-MAX_TRACEBACK_CHARS:].splitlines()


def _bounded(value: object) -> object:
    return _cut(value, MAX_CHARS) if isinstance(value, str) else value


def _quoted(value: object) -> str:
    text = _cut(str(value), MAX_CHARS)
    return text if _PLAIN.fullmatch(text) and not _CONTROL.search(text) else json.dumps(text)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}... ({len(text)} characters)"


def _one_line(text: str) -> str:
    """Escape what would begin a new line or steer a terminal: a payload must not forge a log."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
