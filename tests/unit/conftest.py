"""What several tests of one part work in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("UPNEXT_CONFIG", "UPNEXT_TUNED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
