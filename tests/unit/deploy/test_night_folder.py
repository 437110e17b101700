"""What a night leaves on disk, and what it takes away again."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from batch_training.night_report import NightReport
from deploy.night import folder as folders
from deploy.night.folder import NightFolder, newest_report, state_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_report_is_found_again(tmp_path: Path) -> None:
    """The newest night's report is read back, with its folder, and the page lies beside it."""
    older, newer = (NightFolder.make(tmp_path, at) for at in (1_700_000_000_000, 1_700_000_000_001))
    newer.keep(NightReport(started_at=2, verdict="refused", reasons=("Too little came.",)))
    older.keep(NightReport(started_at=1))
    found = newest_report(tmp_path)
    assert found is not None
    assert (found[0].reasons, found[1]) == (("Too little came.",), newer.path)
    assert "Too little came." in (newer.path / folders.PAGE).read_text()


def test_no_night_yet(tmp_path: Path) -> None:
    """A state folder that isn't there holds no report."""
    assert newest_report(tmp_path / "nothing") is None


def test_scratch_is_gone_afterwards(tmp_path: Path) -> None:
    """What a night needs while it runs is taken away, also after an error."""
    night = NightFolder.make(tmp_path, 1_700_000_000_000)
    with pytest.raises(FileNotFoundError), night.scratch() as scratch:
        (scratch / "missing").read_text()
    assert list(night.path.iterdir()) == []


def test_scratch_of_a_killed_night_goes(tmp_path: Path) -> None:
    """What a killed night left goes with the next; that of a night at work stays."""
    killed, working, new = (NightFolder.make(tmp_path, 1_700_000_000_000 + n) for n in range(3))
    code = (
        "import os, sys; from pathlib import Path; from deploy.night.folder import NightFolder\n"
        "with NightFolder(Path(sys.argv[1])).scratch(): os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, killed.path], check=False)
    assert (killed.path / "scratch").exists()
    with working.scratch() as at_work, new.scratch():
        assert not (killed.path / "scratch").exists()
        assert at_work.exists()


def test_only_the_newest_nights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest nights go."""
    monkeypatch.setattr(folders, "NIGHTS_KEPT", 2)
    nights = [NightFolder.make(tmp_path, 1_700_000_000_000 + n) for n in range(4)]
    for night in nights:
        night.keep(NightReport(started_at=1))
    assert sorted((tmp_path / "nights").iterdir()) == [night.path for night in nights[-2:]]


def test_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is named wins, then XDG_STATE_HOME, then the home folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder(None) == tmp_path / "upnext"
    assert state_folder(str(tmp_path / "mine")) == tmp_path / "mine"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder(None) == tmp_path / ".local" / "state" / "upnext"
