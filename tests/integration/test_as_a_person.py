"""The command line as a person uses it: files in, lists out, and what is said when it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.embedded.stack import EVENTS
from tests.commands import Ended, Upnext, run_upnext
from tests.integration.world import NOW_MS, PATIENCE_S, progress
from tests.unit.nights import world as tastes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from deploy.embedded.stack import EmbeddedStack
    from tests.integration.world import Stores

USER, HIDDEN, LOST = "u1", "[/hidden]", "[lost]"


@pytest.fixture
def upnext(
    stack: EmbeddedStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Upnext:
    """Give `upnext` in a folder whose upnext.toml names the shared stack and small settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("UPNEXT_CONFIG", raising=False)
    (tmp_path / "upnext.toml").write_text(
        f'kafka = "{stack.kafka}"\nredis_url = "{stack.redis_url}"\n'
        f'state_folder = "{tmp_path / "state"}"\n'
        "factors = 16\niterations = 4\nregularization = 10.0\nthreads = 1\n"
    )

    def run(*words: str, typed: str = "") -> Ended:
        ended = run_upnext(monkeypatch, capsys, *words, typed=typed)
        assert "Traceback" not in ended.said
        return ended

    return run


def write(path: Path, rows: Iterable[dict[str, Any] | str]) -> str:
    """Write JSON lines; gives the file's name."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path.name


@pytest.mark.slow
def test_a_day_in_the_life(upnext: Upnext, stores: Stores, tmp_path: Path) -> None:
    """A night, a look, an event, another look: each command does what its help says."""
    version = published(upnext, stores, tmp_path)
    shown = upnext("recommend", USER)
    assert shown.status == 0
    assert all(word in shown.out for word in (USER, "personal", version, "[b]Video[/b] "))
    before = json.loads(upnext("recommend", USER, "--json").out)
    assert len(before["items"]) == 20
    assert "v7" not in [item["id"] for item in before["items"]]
    first = before["items"][0]["id"]
    event = {"user": USER, "video": first, "kind": "like", "at": tastes()[0]["at"] + 1}
    sent = upnext("send", "-", typed=json.dumps(event) + "\n")
    assert (sent.status, "1 events sent" in sent.out) == (0, True)

    def learnt() -> bool:
        now = json.loads(upnext("recommend", USER, "--json").out)
        return first not in [item["id"] for item in now["items"]]

    wait_until(learnt, PATIENCE_S)


def published(upnext: Upnext, stores: Stores, tmp_path: Path) -> str:
    """Run a night that blocks v7, refresh, and look at the models; gives the version served."""
    name = write(tmp_path / "past.jsonl", tastes())
    catalogue: list[dict[str, Any] | str] = [
        {"id": f"v{number}", "title": f"[b]Video[/b] {number}", "blocked": number == 7}
        for number in range(120)
    ]
    videos = write(tmp_path / "videos.jsonl", catalogue)
    night = upnext("night", name, "--catalogue", videos)
    assert night.status == 0, night
    active, told = stores.models.current(), json.loads(night.out)
    assert active is not None
    assert (told["verdict"], told["version"]) == ("published", active.version)
    assert (told["refreshed"]["written"], told["unusual"]) == (120, [])
    refreshed = upnext("refresh", name)
    assert (refreshed.status, "120 were up to date" in refreshed.out) == (0, True)
    listed = upnext("models", "list")
    (line,) = (line for line in listed.out.splitlines() if active.version in line)
    assert line.split("│")[1].strip(), "the model that is served is marked"
    return active.version


def test_nobody(upnext: Upnext) -> None:
    """A user without a list is told with the key that was looked for, and the status says so."""
    ended = upnext("recommend", LOST)
    assert ended.status == 1
    assert LOST in ended.err


def test_send_tells_bad_lines(upnext: Upnext, stack: EmbeddedStack, tmp_path: Path) -> None:
    """Lines that are no events are told by number and not sent; the others are."""
    good: dict[str, Any] = {"user": "sender", "video": "v1", "kind": "like", "at": NOW_MS}
    rows: list[dict[str, Any] | str] = [good, "not json", ""]
    rows += [good | {"kind": HIDDEN}, good | {"at": 1}, good]
    before = progress(stack).sent
    ended = upnext("send", write(tmp_path / "live.jsonl", rows))
    assert ended.status == 1
    assert f"2 events sent to {EVENTS}; 3 lines were no events" in ended.out
    numbers = [line.split(" is no event")[0] for line in ended.err.splitlines()]
    assert numbers == ["line 2", "line 4", "line 5"]
    assert progress(stack).sent == before + 2


def test_missing_topic(upnext: Upnext, tmp_path: Path) -> None:
    """A topic that isn't there is named, with a command that makes one."""
    ended = upnext("send", write(tmp_path / "none.jsonl", []), "--events-topic", "nope")
    assert ended.status == 1
    assert "has no topic nope" in ended.err
    assert "upnext topics create" in " ".join(ended.err.split())


@pytest.mark.slow
def test_no_kafka(upnext: Upnext, tmp_path: Path) -> None:
    """Without Kafka a command says where it looked and which setting names another, and ends."""
    ended = upnext("send", write(tmp_path / "none.jsonl", []), "--kafka", "127.0.0.1:1")
    assert ended.status == 1
    for words in ("Kafka at 127.0.0.1:1", "--kafka", "UPNEXT_KAFKA", "kafka in upnext.toml"):
        assert words in " ".join(ended.err.split())


def test_few_bad_rows(upnext: Upnext, stores: Stores, tmp_path: Path) -> None:
    """A few bad rows are counted by reason, with the numbers of the first, and the rest is used."""
    rows: list[dict[str, Any] | str] = list(tastes())
    rows[4] = "{"
    rows[6] = rows[7] | {"kind": HIDDEN}  # type: ignore[operator]  # a dictionary
    rows[8] = rows[9] | {"at": 5}  # type: ignore[operator]  # a dictionary
    before = stores.models.current()
    ended = upnext("night", write(tmp_path / "past.jsonl", rows))
    assert ended.status == 0, ended
    told = " ".join(ended.err.split())
    assert f"{len(rows) - 3:,} of {len(rows):,} rows can be used" in told
    for reason, row in (("unreadable", 5), ("invalid", 7), ("time_out_of_bounds", 9)):
        assert f"{reason}: 1 rows" in told
        assert f"past.jsonl, row {row}: " in told
    assert HIDDEN in told
    assert stores.models.current() != before


def test_many_bad_rows(upnext: Upnext, stores: Stores, tmp_path: Path) -> None:
    """More than 5 % bad rows end with 4 and publish nothing, unless the setting allows them."""
    rows = tastes()
    bad = [row | {"kind": HIDDEN} for row in rows[: len(rows) // 15]]
    before = stores.models.current(), stores.models.versions()
    name = write(tmp_path / "past.jsonl", [*rows, *bad])
    ended = upnext("night", name)
    assert ended.status == 4
    told = " ".join(ended.err.split())
    assert "6.2% of the rows can't be used" in told
    assert "max_bad_share" in told
    assert f"past.jsonl, row {len(rows) + 1}: " in told
    assert HIDDEN in told
    assert (stores.models.current(), stores.models.versions()) == before
    assert upnext("refresh", name).status == 4
    assert upnext("night", name, "--max-bad-share", "0.1").status == 0


@pytest.mark.parametrize(
    "rows",
    [
        tastes(videos=8, each=8),
        tastes(users=1, each=4),
        tastes()[:1],
    ],
    ids=["eight videos, which fit into every list", "one user", "one row"],
)
def test_no_better_than_popularity(
    upnext: Upnext, stores: Stores, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    """Where popularity is as good, or nothing can be judged, nothing is published."""
    past = write(tmp_path / "past.jsonl", rows)
    ended = upnext("night", past, "--redis-prefix", "small")  # where no other model is served
    assert ended.status == 3
    assert json.loads(ended.out)["verdict"] == "refused"
    assert not stores.client.keys("small:*version*")


def test_bad_files(upnext: Upnext, stores: Stores, tmp_path: Path) -> None:
    """A file of another kind and a catalogue that can't be read are named, markup and all."""
    (tmp_path / "[old]").mkdir()
    past = write(tmp_path / "past.jsonl", tastes())
    write(tmp_path / "[old]" / "past.txt", tastes())
    ended = upnext("night", "[old]/past.txt")
    assert (ended.status, "[old]/past.txt" in ended.err) == (4, True)
    videos = write(tmp_path / "videos.jsonl", ["nothing of the kind"])
    ended = upnext("night", past, "--catalogue", videos)
    assert (ended.status, "videos.jsonl, line 1" in ended.err) == (4, True)


def test_nothing_served_yet(upnext: Upnext, tmp_path: Path) -> None:
    """Before the first night each command says what to do first."""
    name = write(tmp_path / "past.jsonl", tastes())
    fresh = ("--redis-prefix", "fresh")
    refreshed = upnext("refresh", name, *fresh)
    assert (refreshed.status, "upnext night" in refreshed.out) == (1, True)
    asked = upnext("recommend", USER, *fresh)
    assert (asked.status, "upnext night" in asked.err) == (1, True)
    listed = upnext("models", "list", *fresh)
    assert (listed.status, "No model was published yet" in listed.out) == (0, True)
