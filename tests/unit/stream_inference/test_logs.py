"""A log line says one fact, whatever is in it, and a log that nobody reads holds nobody up."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from stream_inference.logs.lines import MAX_CHARS, JsonLines, TextLines, facts
from stream_inference.logs.pipe import MAX_LINES, Pipe
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGED = 'x\n2026-01-01T00:00:00.000Z INFO root: all is well \x1b[2J\u2028"'


def record(text: str, *args: object, **values: object) -> logging.LogRecord:
    """Give one line of a log."""
    made = logging.LogRecord("kafka", logging.ERROR, __file__, 1, text, args, None)
    made.__dict__ |= facts(**values)
    return made


def test_text_says_time_level_logger_message_and_facts() -> None:
    """A line for people ends with its facts, quoted where they must be."""
    line = TextLines().format(record("no %s", "broker", offset=3, why="it is away", empty=""))
    assert line.split(" ", 1)[1] == 'ERROR kafka: no broker offset=3 why="it is away" empty=""'


def test_json_says_the_same() -> None:
    """A line for programs is one object, with the facts beside the message."""
    line = json.loads(JsonLines().format(record("no %s", "broker", offset=3)))
    assert line.pop("time").endswith("Z")
    said = {"level": "ERROR", "logger": "kafka", "message": "no broker", "offset": 3}
    assert line == said


def test_bytes_are_told_as_text() -> None:
    """A key in Kafka is told as the text that it is, or in hexadecimal digits."""
    line = json.loads(JsonLines().format(record("a key", key="zoë".encode(), other=b"\xff\x00")))
    assert (line["key"], line["other"]) == ("zoë", "ff00")
    assert TextLines().format(record("a key", key=b"k")).endswith(" key=k")


@pytest.mark.parametrize("form", [TextLines(), JsonLines()], ids=["text", "json"])
def test_nobody_forges_a_line(form: logging.Formatter) -> None:
    """What a stranger has sent can neither begin a line nor steer a terminal."""
    line = form.format(record("user %s", FORGED, detail=FORGED))
    assert line.isprintable()


@pytest.mark.parametrize("form", [TextLines(), JsonLines()], ids=["text", "json"])
def test_lines_are_bounded(form: logging.Formatter) -> None:
    """A megabyte in a message, a fact and an error makes a line of some kilobytes."""
    made = record("%s", "m" * 2**20, detail="f" * 2**20)
    made.exc_info = (ValueError, ValueError("e" * 2**20), None)
    assert 2 * MAX_CHARS < len(form.format(made)) < 20_000


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """Give a pipe that takes nothing more until somebody reads it: its two ends."""
    reader, writer = os.pipe()
    fill(writer)
    yield reader, writer
    os.close(reader)


def fill(writer: int) -> None:
    """Write into a pipe until it is full."""
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"." * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)


def test_nobody_reads(full_pipe: tuple[int, int]) -> None:
    """Into a full pipe lines are logged without waiting; its reader finds those that were kept."""
    reader, writer = full_pipe
    pipe, start = Pipe(writer), time.monotonic()
    pipe.handle(record("line 0"))
    wait_until(pipe._lines.empty)
    for number in range(1, MAX_LINES + 501):
        pipe.handle(record(f"line {number}"))
    assert pipe.dropped == 500
    pipe.flush()  # as at the end of the process
    assert time.monotonic() - start < 5
    found = drain(reader, b"500 lines are missing here")
    assert b"line 0\n" in found
    assert f"line {MAX_LINES}\n".encode() in found
    assert f"line {MAX_LINES + 1}\n".encode() not in found


def test_plain_handler_waits(full_pipe: tuple[int, int]) -> None:
    """The control: a plain handler hangs in a full pipe until somebody reads."""
    reader, writer = full_pipe
    plain = logging.StreamHandler(os.fdopen(os.dup(writer), "w"))
    thread = threading.Thread(target=plain.handle, args=(record("a line"),))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    drain(reader, b"a line")
    thread.join(5)
    assert not thread.is_alive()
    plain.stream.close()
    os.close(writer)


def drain(reader: int, until: bytes) -> bytes:
    """Read a pipe until it has said something."""
    found = b""
    while until not in found:
        found += os.read(reader, 65_536)
    return found


def test_reader_is_gone() -> None:
    """Lines for a reader that is gone are counted, and nothing is raised."""
    reader, writer = os.pipe()
    os.close(reader)
    pipe = Pipe(writer)
    pipe.handle(record("a line"))
    wait_until(lambda: pipe.dropped)


def test_a_thread_ends_within_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    """What ends a thread is a line of the log, in its form."""
    program = (
        "import threading; from stream_inference.logs import set_up; logs = set_up('json');"
        "t = threading.Thread(target=lambda: 1 / 0, name='t'); t.start(); t.join(); logs.flush()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "thread t ended by ZeroDivisionError"
    assert "ZeroDivisionError" in json.loads(line)["exception"]
