"""`upnext models` and `upnext catalogue`, as typed: what they say and how they end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from data.catalogue import Catalogue, Video
from data.frozen_model import ModelVersion
from data.model_lock import ModelLock
from data.model_store import ModelStore
from data.redis_keys import RedisKeys
from tests.builders import NOW_MS, model
from tests.commands import Upnext, run_upnext

if TYPE_CHECKING:
    from pathlib import Path

    from data.redis_connection import Client
    from deploy.embedded.redis_server import EmbeddedRedis

KEYS = RedisKeys()
A, B, C = (ModelVersion(f"2026010{n}T020000Z-{n}{n}aa") for n in (1, 2, 3))
CATALOGUE = Catalogue(Video(id=f"v{n}", title=f"Video {n}") for n in range(40))


@pytest.fixture
def upnext(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Upnext:
    """Give `upnext` in a wide terminal, with the server of the test."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("UPNEXT_REDIS_URL", server.url)
    monkeypatch.delenv("UPNEXT_CONFIG", raising=False)

    return partial(run_upnext, monkeypatch, capsys)


@pytest.fixture
def store(client: Client) -> ModelStore:
    """Give a store in which three versions were served one after the other."""
    new = ModelStore(client, KEYS)
    for seed, version in enumerate((A, B, C)):
        metadata = {
            "parent": B,
            "device": "cpu",
            "data": {"events": 1_234_567, "newest_at": NOW_MS, "watch_ratio": [0.1, 0.52345678]},
            "settings": {"train": {"factors": 6, "half_life": None}},
            "gate": {"reasons": []},
            "quality": {"ways": [{"name": "candidate", "mean": 0.123456}]},
        }
        new.publish(version, model(seed=seed, metadata=metadata), CATALOGUE, b"{}")
        new.activate(version)
    return new


def served(store: ModelStore) -> str:
    """Give the version that is served."""
    active = store.current()
    assert active is not None
    return active.version


def test_list_marks_now_and_before(store: ModelStore, upnext: Upnext) -> None:
    """The list marks what is served and what a roll back goes to, and copes with damage."""
    store._redis.set(KEYS.manifest(A), "{")
    lines = upnext("models", "list").said.splitlines()
    marks = {v: next(line for line in lines if v in line).split(v)[0] for v in (A, B, C)}
    assert ["now" in marks[v] for v in (A, B, C)] == [False, False, True]
    assert ["before" in marks[v] for v in (A, B, C)] == [False, True, False]
    assert any("damaged" in line for line in lines if A in line)


def test_show_prints_the_card(store: ModelStore, upnext: Upnext) -> None:
    """The card has the facts of the manifest, in words and numbers for people."""
    ended = upnext("models", "show", "current")
    assert ended.status == 0
    assert f"Model {C}, served now" in ended.said
    words = [line.split() for line in ended.said.splitlines()]
    for expected in (
        ["events", "1,234,567"],
        ["newest_at", "2023-11-14", "22:13:20", "UTC"],
        ["watch_ratio", "0.1,", "0.5235"],
        ["half_life", "–"],
        ["parent", B],
        ["mean", "0.1235"],
        ["videos", "40"],
    ):
        assert expected in words


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        (A, 0, A),
        ("20260102", 0, B),
        ("33aa", 0, C),
        ("latest", 0, C),
        ("202601", 1, f"may be {A} or {B} or {C}; give more"),
        ("nonsense", 1, f"There is no version 'nonsense'. There are {A}, {B}, {C}."),
    ],
)
def test_a_version_may_be_named_in_short(
    store: ModelStore, upnext: Upnext, name: str, status: int, said: str
) -> None:
    """The first or last letters will do, if they say which; if not, there is a list."""
    ended = upnext("models", "show", name)
    assert ended.status == status
    assert said in " ".join(ended.said.split())


def test_roll_back_twice_and_activate(store: ModelStore, upnext: Upnext) -> None:
    """Each roll back goes a step further, the third has nowhere to go; activating goes anywhere."""
    for expected in (B, A):
        ended = upnext("models", "rollback")
        assert ended.status == 0
        assert f"Activated: model {expected}." in ended.said
        assert "upnext refresh" in ended.said
        assert served(store) == expected
    ended = upnext("models", "rollback")
    assert ended.status == 1
    assert "nothing to roll back to" in ended.said
    assert upnext("models", "activate", "latest").status == 0
    assert served(store) == C


def test_what_is_taken_down_stays_down(store: ModelStore, upnext: Upnext, tmp_path: Path) -> None:
    """The update and the roll back after it say what they did."""
    (tmp_path / "changes.jsonl").write_text('{"id": "v3", "blocked": true}')
    ended = upnext("catalogue", "update", str(tmp_path / "changes.jsonl"))
    assert ended.status == 0
    assert "0 videos added, 1 changed; 1 blocked, 0 unblocked" in ended.said
    assert f"activated: model {served(store)}" in ended.said
    assert "says nothing new" in upnext("catalogue", "update", str(tmp_path / "changes.jsonl")).said
    ended = upnext("models", "rollback")
    assert f"Other videos are blocked today than in {B}" in ended.said
    assert store.load(ModelVersion(served(store))).model.blocked.nonzero()[0].tolist() == [3]


def test_prune_tells_what_it_deleted(store: ModelStore, upnext: Upnext) -> None:
    """The oldest version goes; what is served and what was served before stay."""
    ended = upnext("models", "prune", "--keep", "1")
    assert ended.status == 0
    assert f"Deleted: {A}" in ended.said
    assert "1 versions deleted, 2 left" in ended.said


def test_export_and_import(
    store: ModelStore, client: Client, upnext: Upnext, tmp_path: Path
) -> None:
    """A version travels by file, and a file that is none ends with 1 and a message."""
    file = str(tmp_path / "model.zip")
    assert f"Exported: {B} to {file}" in "".join(upnext("models", "export", "22aa", file).said)
    client.flushall()
    assert f"upnext models activate {B}" in upnext("models", "import", file).said
    assert store.versions() == [B]
    (tmp_path / "other.zip").write_text("no")
    ended = upnext("models", "import", str(tmp_path / "other.zip"))
    assert ended.status == 1
    assert "not a whole archive" in ended.said


@pytest.mark.parametrize(
    "words",
    [
        ("models", "rollback"),
        ("models", "activate", A),
        ("models", "prune", "--keep", "1"),
        ("models", "import", "FILE"),
        ("catalogue", "update", "FILE"),
    ],
    ids=lambda words: words[1],
)
def test_nothing_changes_while_a_night_runs(
    store: ModelStore,
    client: Client,
    upnext: Upnext,
    tmp_path: Path,
    words: tuple[str, ...],
) -> None:
    """While somebody else holds the lock, what changes models ends with 5 and says who that is."""
    (tmp_path / "file.jsonl").write_text('{"id": "v3", "blocked": true}')
    given = [str(tmp_path / "file.jsonl") if word == "FILE" else word for word in words]
    with ModelLock(client, KEYS, ttl_s=0.5):
        ended = upnext(*given)
    assert ended.status == 5
    assert "Another night is running, since" in ended.said
    assert served(store) == C
    assert store.versions() == [A, B, C]
