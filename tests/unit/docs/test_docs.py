"""What the pages show is what the code does.

An example is a fenced block below a comment ``<!-- example: NAME -->``; `CHECKS` has its names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import tomllib
from base64 import b64decode
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec
import pytest

from batch_training.night_report import NightReport
from batch_training.reading.load import LoadSettings, load
from batch_training.report.words import WAYS
from data.catalogue import Catalogue
from data.heartbeats import Heartbeat
from data.interaction import KINDS, BadEventError, EventLimits, Interaction, decode
from data.manifest import Manifest
from data.redis_connection import connect
from data.redis_keys import RedisKeys
from data.sources.files import read_interactions
from data.up_next import UpNext
from data.user_history import UserHistory
from data.user_store import Answer, UserStore, UserWrite
from deploy.embedded.redis_server import EmbeddedRedis
from deploy.night.outcome import EXIT_CODES, Outcome
from deploy.settings import load_settings
from stream_inference.dead_letters import DeadLetter
from stream_inference.refresh import Refreshed
from tests.unit.documents import CONTRACTS, DOCS, FENCE, PAGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

EXAMPLE: Final = re.compile(
    r"^<!-- example: ([^>\n]+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
OUTPUT: Final = re.compile(
    r"^<!-- (\w+)-output -->\n(.*?)^<!-- /\1-output -->$", re.MULTILINE | re.DOTALL
)


class Example(NamedTuple):
    """One example of a page."""

    page: str
    name: str
    text: str


def examples() -> list[Example]:
    """Find all examples of all pages."""
    found = [(page, match) for page in PAGES for match in EXAMPLE.finditer(page.read_text())]
    return [Example(page.name, *match.groups()) for page, match in found]


def now_ms() -> int:
    """Tell the present, as the command line does."""
    return time.time_ns() // 1_000_000


def events_in(text: str) -> list[Interaction]:
    """Decode one event a line."""
    return [decode(line.encode(), EventLimits(), now_ms()) for line in text.splitlines()]


def check_events(text: str, _folder: Path) -> None:
    """Every line is an event."""
    assert events_in(text)


def check_as(kind: type[msgspec.Struct]) -> Callable[[str, Path], None]:
    """Make a check: the example has just the fields that the code writes."""

    def check(text: str, _folder: Path) -> None:
        written = msgspec.json.encode(msgspec.json.decode(text, type=kind))
        assert msgspec.json.decode(written) == msgspec.json.decode(text)

    return check


def check_dead_letter(text: str, folder: Path) -> None:
    """It is the letter that the worker writes of this payload."""
    check_as(DeadLetter)(text, folder)
    letter = msgspec.json.decode(text, type=DeadLetter)
    payload = b64decode(letter.payload or "")
    with pytest.raises(BadEventError) as caught:
        decode(payload, EventLimits(), now_ms())
    assert (caught.value.reason, caught.value.detail) == (letter.reason, letter.detail)
    assert (len(payload), hashlib.sha256(payload).hexdigest()) == (letter.length, letter.sha256)


def check_interactions(ending: str) -> Callable[[str, Path], None]:
    """Make a check: a file with this text can be used to the last row."""

    def check(text: str, folder: Path) -> None:
        file = folder / f"interactions{ending}"
        file.write_text(text)
        _, report = load(read_interactions(file), LoadSettings(), now_ms(), folder)
        assert report.kept
        assert not report.dropped

    return check


def check_catalogue(text: str, folder: Path) -> None:
    """Every line is a video."""
    (folder / "videos.jsonl").write_text(text)
    assert len(Catalogue.read(folder / "videos.jsonl")) == len(text.splitlines())


def check_settings(text: str, folder: Path) -> None:
    """The settings are what the file says."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("UPNEXT_")]:
            patch.delenv(name)
        patch.setenv("UPNEXT_CONFIG", str(folder / "upnext.toml"))
        (folder / "upnext.toml").write_text(text)
        assert tomllib.loads(text).items() <= load_settings({}).model_dump().items()


def check_night_line(text: str, _folder: Path) -> None:
    """It has the fields that a night prints, each of its type, and a verdict with its exit code."""
    shown = json.loads(text)
    written = json.loads(json.dumps(Outcome(NightReport(started_at=0), None, 0, None).line()))
    assert {name: type(value) for name, value in shown.items()} == {
        name: type(value) for name, value in written.items()
    }
    assert shown["exit_code"] == EXIT_CODES[shown["verdict"]]
    assert shown["hit_rate"].keys() == WAYS.keys()
    assert shown["refreshed"].keys() == set(Refreshed._fields)
    assert shown["events"] == shown["rows"] - sum(shown["dropped"].values())


CHECKS: Final[dict[str, Callable[[str, Path], None]]] = {
    "events": check_events,
    "dead letter": check_dead_letter,
    "up-next list": check_as(UpNext),
    "manifest": check_as(Manifest),
    "heartbeat": check_as(Heartbeat),
    "night line": check_night_line,
    "interactions.csv": check_interactions(".csv"),
    "interactions.jsonl": check_interactions(".jsonl"),
    "catalogue.jsonl": check_catalogue,
    "upnext.toml": check_settings,
}


@pytest.mark.parametrize("example", examples(), ids=lambda e: f"{e.page}: {e.name}")
def test_example_is_right(example: Example, tmp_path: Path) -> None:
    """Every example is what the code reads or writes."""
    CHECKS[example.name](example.text, tmp_path)


def test_there_is_an_example_of_everything() -> None:
    """README.md and the contracts show events, and no kind of example got lost."""
    assert {e.name for e in examples()} == CHECKS.keys()
    assert {e.page for e in examples() if e.name == "events"} == {"README.md", "contracts.md"}
    shown = {line.kind for e in examples() if e.name == "events" for line in events_in(e.text)}
    assert shown == set(KINDS)


def test_every_key_stands_in_the_contracts() -> None:
    """The table of keys holds an example of every key that there is, and no other."""
    keys, version = RedisKeys(), example_of("manifest", Manifest).version
    expected = {
        *(keys.history("ada"), keys.up_next("ada"), keys.damaged("ada")),
        *(keys.current, keys.versions, keys.manifest(version)),
        *(keys.chunk(version, part, 0) for part in ("model", "catalogue", "report")),
        *(keys.activations, keys.popular, keys.unfinished, keys.lock, keys.fence),
        *(keys.workers, keys.worker(example_of("heartbeat", Heartbeat).worker)),
    }
    shown = re.findall(r"^\| `(upnext:[^`]+)`", CONTRACTS.read_text(), re.MULTILINE)
    assert sorted(shown) == sorted(expected)


def test_output_is_shown_once_and_not_empty() -> None:
    """What the demo prints stands on one page as a block, what quality measures as tables."""
    found = [match for page in PAGES for match in OUTPUT.finditer(page.read_text())]
    assert sorted(match[1] for match in found) == ["demo", "quality"]
    shown = {match[1]: match[2] for match in found}
    (block,) = FENCE.findall(shown["demo"])
    assert len(block[1].split()) > 50
    pictures = re.findall(r"^!\[[^\]]+\]\((\S+)\)$", shown["quality"], re.MULTILINE)
    assert len(pictures) == shown["quality"].count("\n| --- |") > 1
    assert all((DOCS / picture).stat().st_size for picture in pictures)


def test_header_of_a_history_is_the_one_shown() -> None:
    """In Redis, the first two events of the contracts stand behind the header shown there."""
    history = UserHistory.empty()
    page = next(e for e in examples() if (e.page, e.name) == ("contracts.md", "events"))
    for event in events_in(page.text)[:2]:
        history = history.add(event)
    shown = example_of("up-next list", UpNext)
    with EmbeddedRedis() as server, connect(server.url) as client:
        answers = UserStore(client, RedisKeys()).compare_and_set_many(
            [UserWrite(b"", history, shown)]
        )
        header = client.getrange(RedisKeys().history("ada"), 0, 31)
    assert answers == [Answer.WRITTEN]
    assert f"`{header.decode()}`" in CONTRACTS.read_text()
    assert shown.at == history.newest_at


def example_of(name: str, kind: type[T]) -> T:
    """Decode the one example of that name."""
    (text,) = [e.text for e in examples() if e.name == name]
    return msgspec.json.decode(text, type=kind)
