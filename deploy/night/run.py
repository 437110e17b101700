"""Run a night from top to bottom: read, judge, publish, refresh, clean up, report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from batch_training.judging.gate import METRIC
from batch_training.night import run_night
from batch_training.publish import publish
from data.model_archive import export
from data.model_store import ModelStoreError
from data.redis_connection import RedisUnavailableError, explained
from deploy.night.begin import begin
from deploy.night.lists import give_lists, seen_lately

if TYPE_CHECKING:
    from batch_training.night import Night
    from data.catalogue import Catalogue
    from data.model_store import Active
    from deploy.night.work import Work

_FALL: Final = 0.8  # of last night's hit rate: less is told as unusual
_SUFFIX: Final = ".upnext"


def run(work: Work) -> None:
    """Go from top to bottom; the report tells how far a night came that failed."""
    if not work.options.dry_run:
        work.stores.models.sweep(lock=work.stores.lock)
        work.stores.models.check_room()  # better now than after an hour of training
    given = begin(work)
    night = run_night(given, work.settings.night(), work.report, work.stages)
    _look_at_the_gate(work)
    if work.options.dry_run:
        work.report.verdict = "dry run"
        return
    active = _publish(work, night, given.catalogue)
    _refresh(work, night, active)
    _clean_up(work, active)


def _look_at_the_gate(work: Work) -> None:
    """Say what a person should look at although it was let pass."""
    report = work.report
    if report.gate and report.gate.forced_by:
        who, why = report.gate.forced_by, report.gate.forced_why
        refused = "; ".join(report.gate.reasons)
        work.unusual(f"Forced by {who} ({why}), although the gate refused it: {refused}")
    last = report.last_hit_rate
    own = report.judgements[0].ways[0].figures[METRIC].mean if report.judgements[0].ways else 0
    if last is not None and own < _FALL * last:
        work.unusual(
            f"The hit rate is {own:.1%}; the model served until now measured {last:.1%} in its "
            "own night, on other events"
        )


def _publish(work: Work, night: Night, catalogue: Catalogue) -> Active:
    """Put the model where the workers find it."""
    report = work.report
    report.verdict, report.stages = "published", tuple(work.stages.facts)
    built_at, stores = datetime.now(UTC), work.stores
    try:
        with work.stages.stage("Publish and activate"):
            return publish(night.model, catalogue, stores.models, built_at, report, stores.lock)
    except BaseException:
        if not _is_served(work, report.version):
            report.verdict, report.version = "fault", ""
        raise


def _is_served(work: Work, version: str) -> bool:
    """Look whether the pointer had moved already when something went wrong."""
    try:
        with explained(work.settings.redis_url):
            active = work.stores.models.current()
    except (RedisUnavailableError, ModelStoreError):
        return False
    return active is not None and active.version == version


def _refresh(work: Work, night: Night, active: Active) -> None:
    """Give everybody a list of the new model."""
    s, histories = work.settings, night.histories
    done, behind = give_lists(
        work.stores,
        (active, night.model),
        (histories, seen_lately(histories, s.refresh_days, night.until_at)),
        work.stages,
        length=s.list_length,
    )
    work.report.refreshed = done._asdict()
    for sentence in behind:
        work.unusual(sentence)


def _clean_up(work: Work, active: Active) -> None:
    """Keep the last versions, in Redis and on disk."""
    keep = work.settings.keep_versions
    with work.stages.stage("Clean up"):
        in_use = {beat.version for beat in work.stores.heartbeats.alive() if beat.version}
        work.stores.models.prune(keep, in_use, lock=work.stores.lock)
        folder, file = work.folder.models, f"{active.version}{_SUFFIX}"
        folder.mkdir(exist_ok=True)
        export(work.stores.models, active.version, work.scratch / file)
        (work.scratch / file).replace(folder / file)  # a kill leaves nothing half-written there
        for old in sorted(folder.glob(f"*{_SUFFIX}"))[:-keep]:
            old.unlink()
