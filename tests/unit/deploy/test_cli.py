"""The command line where nothing else runs: help, settings, and errors to act on."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.commands import Upnext, run_upnext

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "redis://127.0.0.1:1/0"  # port 1: nobody listens there
COMMANDS = (
    "demo",
    "night",
    "tune",
    "evaluate",
    "report",
    "refresh",
    "worker",
    "send",
    "recommend",
    "models",
    "catalogue",
)
REDIS = "redis-url redis-ca redis-certificate redis-key redis-prefix"
READ = "earliest-ms ahead-ms max-bad-share"
KAFKA = (
    "kafka events-topic kafka-security kafka-ca kafka-certificate kafka-key kafka-sasl-mechanism "
    "kafka-username"
)
TOPICS = f"{KAFKA} dead-letters-topic max-event-bytes"
OFFERED = {
    "evaluate": f"{REDIS} {READ} protocol trained-on map",
    "refresh": f"{REDIS} {READ} list-length ttl-days refresh-days map",
    "recommend": f"{REDIS} json",
    "report": f"{REDIS} state-folder open output",
    "models list": REDIS,
    "catalogue update": REDIS,
    "send": f"{KAFKA} max-event-bytes earliest-ms ahead-ms",
    "topics create": f"{TOPICS} partitions replication retention-days dead-letters-days",
    "topics check": TOPICS,
}
HELP = [sys.executable, "-m", "deploy.cli", "--help"]
LIGHT = ("numpy", "pydantic_settings", "rich.console", "typer")
HEAVY = ("faust", "redis", "confluent_kafka", "pyarrow", "pandas", "scipy", "implicit", "optuna")


@pytest.fixture
def upnext(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Upnext:
    """Give `upnext` in an empty folder and a wide terminal."""
    monkeypatch.setenv("COLUMNS", "300")

    return partial(run_upnext, monkeypatch, capsys)


def test_help_lists_the_commands(upnext: Upnext) -> None:
    """The help names every command, each with a sentence of its own."""
    ended = upnext("--help")
    assert ended.status == 0
    for command in COMMANDS:
        (line,) = (line for line in ended.out.splitlines() if f"│ {command} " in line)
        assert len(line.split()) > 3


def test_help_is_quick() -> None:
    """The help takes at most twice what its libraries take, a second on a quiet machine."""
    needed = f"import {', '.join(LIGHT)}"
    assert any(_cpu_s(HELP) < 2 * _cpu_s([sys.executable, "-c", needed]) for _ in range(3))


def _cpu_s(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_help_imports_nothing_heavy() -> None:
    """What only a command needs is not imported before the command runs."""
    code = f"import deploy.cli, sys; print([m for m in {HEAVY} if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("demo", ["--source", "--events", "--factors"]),
        ("night", ["--catalogue", "--map", "--dry-run", "--force", "--device", "--gate-margin"]),
        ("evaluate", ["--protocol", "--trained-on", "--map"]),
        ("refresh", ["--redis-url", "--redis-prefix", "--ttl-days"]),
        ("worker", ["--kafka", "--redis-url", "--group", "--instance", "--list-length"]),
        ("send", ["--kafka", "--events-topic", "--max-event-bytes"]),
        ("recommend", ["--json", "--redis-url"]),
    ],
)
def test_command_lists_its_flags(upnext: Upnext, command: str, flags: list[str]) -> None:
    """A command's help names its flags, and that settings may stand elsewhere."""
    ended = upnext(command, "--help")
    assert ended.status == 0
    assert "also as UPNEXT_... or in upnext.toml" in ended.out
    assert [flag for flag in flags if flag not in ended.out] == []


@pytest.mark.parametrize(("command", "flags"), OFFERED.items(), ids=OFFERED.keys())
def test_command_offers_what_it_uses(upnext: Upnext, command: str, flags: str) -> None:
    """A command offers no flag that would mean nothing to it."""
    assert _offered(upnext, command) == set(flags.split())


def test_only_fits_that_are_watched_offer_it(upnext: Upnext) -> None:
    """A search looks at its fits in a way of its own; night and demo let a person choose."""
    offering = [c for c in COMMANDS if "check-every" in _offered(upnext, c)]
    assert offering == ["demo", "night"]


def _offered(upnext: Upnext, command: str) -> set[str]:
    """Read the flags out of a command's help."""
    told = upnext(*command.split(), "--help").out
    flags = re.findall(r"^│ +(?:\* +)?--([a-z-]+)", told, re.MULTILINE)
    return set(flags) - {"help"}


def test_no_command_shows_the_help(upnext: Upnext) -> None:
    """Without a command there is the help, and the status of wrong usage."""
    ended = upnext()
    assert ended.status == 2
    assert "recommend" in ended.out + ended.err


@pytest.mark.parametrize(
    "words", [("dance",), ("night",), ("night", "missing.csv"), ("worker", "--dance")]
)
def test_wrong_usage(upnext: Upnext, words: tuple[str, ...]) -> None:
    """A word that is unknown or missing, and a file that isn't there, end with 2."""
    ended = upnext(*words)
    assert ended.status == 2
    assert "Usage: " in ended.err


@pytest.mark.parametrize("command", ["night", "refresh", "evaluate", "recommend", "models"])
def test_no_redis(upnext: Upnext, tmp_path: Path, command: str) -> None:
    """Without Redis a command says where it looked and which setting names another, and ends."""
    (tmp_path / "one.jsonl").write_text('{"user":"u","video":"v","kind":"like","at":1}\n')
    words = {
        "recommend": ["u1"],
        "models": ["list"],
        "evaluate": ["current", "one.jsonl"],
    }
    more = words.get(command, ["one.jsonl"])
    ended = upnext(command, *more, "--redis-url", "redis://me:secret@127.0.0.1:1/0")
    assert ended.status == 1
    assert "Redis at redis://***@127.0.0.1:1/0 does not answer" in ended.err
    for name in ("--redis-url", "UPNEXT_REDIS_URL", "redis_url in upnext.toml"):
        assert name in ended.err
    assert "Traceback" not in ended.err
    assert "secret" not in ended.err + ended.out


def test_url_that_is_none(upnext: Upnext) -> None:
    """A Redis URL that can't be read is told with what one looks like."""
    ended = upnext("models", "list", "--redis-url", "127.0.0.1:6379")
    assert ended.status == 1
    assert "redis://[user:password@]host:port/db" in ended.err


def test_flag_then_environment_then_file(
    upnext: Upnext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is used if nothing else is given, a variable beats it, and a flag beats both."""
    (tmp_path / "upnext.toml").write_text('redis_url = "redis://127.0.0.1:1/1"\n')
    assert "127.0.0.1:1/1" in upnext("models", "list").err
    monkeypatch.setenv("UPNEXT_REDIS_URL", "redis://127.0.0.1:1/2")
    assert "127.0.0.1:1/2" in upnext("models", "list").err
    assert "127.0.0.1:1/3" in upnext("models", "list", "--redis-url", NOWHERE[:-1] + "3").err


@pytest.mark.parametrize(
    ("content", "words", "named"),
    [
        ("redis_ulr = 'x'", [], "redis_ulr"),
        ("factors = 'many'", [], "factors"),
        ("factors = ", [], "upnext.toml"),
        ("", ["--redis-prefix", ""], "redis_prefix"),
    ],
)
def test_bad_setting(
    upnext: Upnext, tmp_path: Path, content: str, words: list[str], named: str
) -> None:
    """A setting that is unknown or can't be used is named, and the command ends with 2."""
    (tmp_path / "upnext.toml").write_text(content)
    ended = upnext("models", "list", *words)
    assert ended.status == 2
    assert named in ended.err
    assert "upnext.toml" in ended.err
    assert "Traceback" not in ended.err
