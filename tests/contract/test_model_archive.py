"""A version in one file: what comes out is what went in, or an error that says what is wrong."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from safetensors.numpy import load

from data import manifest
from data.catalogue import Catalogue, Video
from data.frozen_model import ModelVersion
from data.model_archive import ArchiveError, export, import_
from data.model_store import ModelStore, ModelStoreError
from tests.builders import model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from data.redis_connection import Client
    from data.redis_keys import RedisKeys

ONE = ModelVersion("20240101T000000Z-one")
NAMES = ["manifest.json", "model.safetensors", "catalogue.parquet", "report.json"]


@pytest.fixture
def store(client: Client, keys: RedisKeys, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """Give a store with one version of several chunks, which is served."""
    monkeypatch.setattr(manifest, "CHUNK_BYTES", 1_000)
    new = ModelStore(client, keys)
    given = model(metadata={"night": 1})
    new.publish(ONE, given, Catalogue([Video(id="v1", title="Eins")]), b'{"verdict": "published"}')
    new.activate(ONE)
    return new


@pytest.fixture
def archive(store: ModelStore, tmp_path: Path) -> Path:
    """Give the file that this version was exported to, in a folder of its own."""
    folder = tmp_path / "archive"
    folder.mkdir()
    export(store, ONE, folder / "model.zip")
    return folder / "model.zip"


def test_what_is_imported_is_what_was_exported(
    store: ModelStore, client: Client, archive: Path
) -> None:
    """In an empty Redis the version stands under its name, to the bit, and is not served."""
    before = store.read(ONE)
    client.flushall()
    assert import_(store, archive) == before[0]
    assert store.read(ONE) == before
    assert store.verify(ONE) == before[0]
    assert store.current() is None
    assert store.load(ONE).catalogue.title("v1") == "Eins"


def test_importing_again_changes_nothing(store: ModelStore, archive: Path) -> None:
    """A version that is there already stays as it is."""
    import_(store, archive)
    assert store.versions() == [ONE]
    assert store.verify(ONE).version == ONE


def test_another_version_of_that_name_stays(
    store: ModelStore, client: Client, archive: Path
) -> None:
    """An archive never changes a version that is there."""
    client.flushall()
    store.publish(ONE, model(seed=5), Catalogue())
    with pytest.raises(ModelStoreError, match="another model under the name"):
        import_(store, archive)


def test_it_is_a_plain_zip(archive: Path) -> None:
    """Anybody can look into it: JSON, safetensors and Parquet, not compressed."""
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == NAMES
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}
        assert json.loads(opened.read("manifest.json"))["version"] == ONE
        assert json.loads(opened.read("report.json")) == {"verdict": "published"}
        assert load(opened.read("model.safetensors"))["item_factors"].shape == (40, 6)


def test_the_file_appears_whole(store: ModelStore, client: Client, archive: Path) -> None:
    """A version that can't be read leaves the file of before, and nothing beside it."""
    before = archive.read_bytes()
    (key,) = client.scan_iter("*:catalogue:0")
    client.delete(key)
    with pytest.raises(ModelStoreError, match="incomplete"):
        export(store, ONE, archive)
    assert archive.read_bytes() == before
    assert list(archive.parent.iterdir()) == [archive]


def test_a_place_that_cannot_be_written_is_named(store: ModelStore, tmp_path: Path) -> None:
    """The message names the file and the reason."""
    with pytest.raises(ArchiveError, match=r"model\.zip: can't be written \(No such file"):
        export(store, ONE, tmp_path / "nowhere" / "model.zip")


def _rewrite(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    with zipfile.ZipFile(path) as opened:
        contents = {name: opened.read(name) for name in opened.namelist()}
    change(contents)
    with zipfile.ZipFile(path, "w") as opened:
        for name, content in contents.items():
            opened.writestr(name, content)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "not a whole archive"),
    "no zip": (lambda path: path.write_text("hello"), "not a whole archive"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-200]), "not a whole archive"),
    "flipped bit": (_flip, "not a whole archive"),
    "foreign zip": (lambda path: _rewrite(path, dict.clear), "no item named 'manifest.json'"),
    "no model": (lambda path: _rewrite(path, lambda c: c.pop(NAMES[1])), "no item named 'model"),
    "other model": (
        lambda path: _rewrite(path, lambda c: c.update({NAMES[1]: model(seed=9).to_bytes()})),
        r"model\.safetensors is damaged or of another model",
    ),
    "broken manifest": (lambda path: _rewrite(path, lambda c: c.update({NAMES[0]: b"{"})), "read"),
    "format of tomorrow": (
        lambda path: _rewrite(
            path, lambda c: c.update({NAMES[0]: c[NAMES[0]].replace(b'"format":1', b'"format":2')})
        ),
        "format 2; this release reads 1",
    ),
    "missing": (lambda path: path.unlink(), "can't be read"),
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_refused(
    store: ModelStore,
    client: Client,
    archive: Path,
    damage: Callable[[Path], object],
    complaint: str,
) -> None:
    """With anything missing or wrong nothing is published; the message names the file and why."""
    client.flushall()
    damage(archive)
    with pytest.raises(
        ModelStoreError, match=f"{archive.name}.*{complaint}|{complaint}.*model.zip"
    ):
        import_(store, archive)
    assert list(client.scan_iter()) == []
