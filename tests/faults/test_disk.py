"""Without room on the disk, or a folder that can be written, the night says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import Histories
    from tests.faults.house import House
    from tests.faults.jobs import Jobs

KIB = 1024


def test_no_room_for_the_events(house: House, jobs: Jobs, histories: Histories) -> None:
    """The night ends with 1 and names the file; nothing is published, and nothing is left over."""
    before = house.dump()
    ended = house.night(jobs, histories.tonight, file_bytes=8 * KIB).ended()
    assert ended.status == 1
    (reason,) = ended.line()["reasons"]
    assert "events.arrow" in reason
    assert "make room" in reason
    assert "Redis" not in reason
    assert "Traceback" not in ended.err
    assert house.dump().keys() == before.keys()
    assert house.dump()[":{model}:current"] == before[":{model}:current"]
    assert house.strays() == []


def test_no_room_for_the_export(house: House, jobs: Jobs, histories: Histories) -> None:
    """The model is served; the night ends with 1 and names the file that could not be written."""
    before = house.snapshot()
    ended = house.night(jobs, histories.tonight, "--factors=128", file_bytes=110 * KIB).ended()
    line = ended.line()
    assert (ended.status, line["verdict"]) == (1, "published")
    (reason,) = line["reasons"]
    assert ".upnext: can't be written" in reason
    assert "Traceback" not in ended.err
    assert line["version"] == house.served
    assert house.complaints(before) == []
    assert house.strays() == []
    assert house.newest_report().verdict == "published"


@pytest.mark.parametrize("taken", ["state", "state/nights"])
def test_a_state_folder_that_cannot_be_written(
    house: House, jobs: Jobs, histories: Histories, tmp_path: Path, taken: str
) -> None:
    """The night ends with 1 at once, names folder and flag, and touches nothing."""
    before, file = house.dump(), tmp_path / taken
    file.parent.mkdir(exist_ok=True)
    file.touch()
    state = tmp_path / "state"
    ended = house.night(jobs, histories.tonight, f"--state-folder={state}").ended()
    assert (ended.status, ended.line()["verdict"]) == (1, "fault")
    message = " ".join(ended.err.split())
    assert str(state) in message.replace(" ", "")
    assert "--state-folder" in message
    assert "Traceback" not in message
    assert house.dump().keys() - before.keys() == {":{model}:fence"} - before.keys()
    assert not house.client.exists(house.keys.lock)
