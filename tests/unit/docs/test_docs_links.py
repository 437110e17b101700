"""What the pages name is there: commands, flags, targets, pages and headings."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
import typer

from deploy.cli import app
from tests.unit.documents import FENCE, PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def typed_commands(page: Path) -> list[list[str]]:
    """Give what a page tells to type, word by word: from shell blocks and code in the text."""
    text = page.read_text()
    lines = [
        line for lang, body in FENCE.findall(text) if lang == "sh" for line in body.split("\n")
    ]
    lines += re.findall(r"`((?:upnext|make)(?: [^`]+)?)`", FENCE.sub("", text))
    words = [shlex.split(line, comments=True) for line in lines]
    typed = [[word for i, word in enumerate(line) if i or "=" not in word] for line in words]
    given = re.findall(r'make demo ARGS="(.*?)"', text)
    return [*typed, *(["upnext", "demo", *shlex.split(options)] for options in given)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page: Path) -> None:
    """What a page tells to type is there: the command, its flags, and the targets of make."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *words in filter(None, typed_commands(page)):
        if program == "make":
            assert {word for word in words if "=" not in word} <= set(targets), words
        elif program == "upnext":
            assert_known(words)


def assert_known(words: list[str]) -> None:
    """Check that `upnext` has the command and the flags of these words."""
    command = typer.main.get_command(app)
    rest = list(words)
    while rest and (found := getattr(command, "commands", {})):
        assert rest[0] in found, words
        command = found[rest.pop(0)]
    known = {"--help"} | {flag for parameter in command.params for flag in parameter.opts}
    assert {word for word in rest if word.startswith("-") and word != "-"} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_resolves(page: Path) -> None:
    """A link to another page, or to a heading, leads there."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", FENCE.sub("", page.read_text())):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """Give the anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
