"""Commands: `upnext` in the process of the test, and what came of it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from deploy import cli

if TYPE_CHECKING:
    import pytest


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Give all that it wrote."""
        return self.out + self.err


Upnext = Callable[..., Ended]


def run_upnext(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *words: str,
    typed: str = "",
) -> Ended:
    """Run `upnext` with these words, and this on its standard input."""
    monkeypatch.setattr(sys, "argv", ["upnext", *words])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
    status: object = 0
    try:
        cli.main()
    except SystemExit as ended:
        status = ended.code
    return Ended(status if isinstance(status, int) else 0, *capsys.readouterr())
