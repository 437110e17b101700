"""Begin: bring together what a night starts from, and refuse data that can't be right."""

from __future__ import annotations

import getpass
import os
import socket
from typing import TYPE_CHECKING

import msgspec

from batch_training.judging.gate import last_figure
from batch_training.night import Given
from batch_training.night_report import DataFacts
from batch_training.reading.bots import find_bots
from batch_training.reading.drift import drift, rises
from batch_training.reading.load_report import BadDataError
from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_store import ModelStoreError
from data.sources.movielens_folder import movielens_catalogue
from deploy.night.read import read_events

if TYPE_CHECKING:
    from batch_training.reading.load_report import LoadReport
    from batch_training.reading.spool import Spool
    from data.frozen_model import FrozenModel
    from deploy.night.work import Work


class DriftError(ValueError):
    """The data fall so far short of last night's that something must be wrong with them.

    Attributes
    ----------
    reasons
        Sentences that name numbers and settings.
    """

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def begin(work: Work) -> Given:
    """Load what is served, and read the interactions.

    Raises
    ------
    DriftError
        If far too little came.
    batch_training.reading.load_report.BadDataError, data.sources.table.SourceError
        If they can't be used.
    """
    serving = _serving(work)
    catalogue = _catalogue(work)
    spool = _read(work)
    _compare_with_last_night(work, serving)
    return Given(
        spool=_without_bots(work, spool),
        catalogue=catalogue,
        serving=serving,
        forced_by=f"{_user()}@{socket.gethostname()}",
        forced_why=work.options.forced_why,
    )


def _serving(work: Work) -> FrozenModel | None:
    """Load the model that is served; one that can't be read is as good as none."""
    active = work.stores.models.current()
    if active is None:
        return None
    work.report.parent = active.version
    try:
        return work.stores.models.load(active.version).model
    except ModelStoreError as error:
        work.unusual(f"The model that is served can't be read, so nothing is compared: {error}")
        return None


def _catalogue(work: Work) -> Catalogue:
    """Bring the served catalogue up to date with a MovieLens folder's, and the file given."""
    known = Catalogue()
    if work.report.parent:
        try:
            known = work.stores.models.catalogue(ModelVersion(work.report.parent))
        except ModelStoreError as error:
            work.unusual(f"The catalogue that is served can't be read: {error}")
    for path in work.options.paths:
        if path.is_dir() and (films := movielens_catalogue(path)):
            known = Catalogue([*films.values(), *known.values()])  # what is known stays
    if work.options.catalogue:
        known = known.updated(work.options.catalogue).catalogue
    return known


def _read(work: Work) -> Spool:
    """Read and validate; what can't be used is kept in the quarantine."""
    o, load = work.options, work.settings.load()
    try:
        spool, loaded = read_events(o.paths, o.mapping, load, work.scratch, work.stages)
    except BadDataError as error:
        _tell_of(work, error.report)
        raise
    finally:
        work.report.quarantine = work.folder.keep_quarantine(work.scratch)
    _tell_of(work, loaded)
    return spool


def _tell_of(work: Work, loaded: LoadReport) -> None:
    """Keep what became of the rows; how many pairs they make is counted later."""
    work.report.data = loaded.facts(pairs=0, left_out={})
    work.report.examples = {
        reason: tuple(map(str, rows)) for reason, rows in loaded.examples.items()
    }


def _compare_with_last_night(work: Work, serving: FrozenModel | None) -> None:
    """Refuse data of which far too little came."""
    now, report = work.report.data, work.report
    if serving is None or now is None:
        return
    report.last_hit_rate = last_figure(serving)
    try:
        report.last = msgspec.convert(serving.metadata["data"], DataFacts)
    except (KeyError, msgspec.ValidationError):
        work.unusual("The model that is served doesn't tell what it learnt from.")
        return
    if reasons := drift(now, report.last, work.settings.max_fall):
        raise DriftError(reasons)
    for sentence in rises(now, report.last):
        work.unusual(sentence)


def _without_bots(work: Work, spool: Spool) -> Spool:
    """Leave out users who do more than people can."""
    most = work.settings.max_events_a_day
    if not most:
        return spool
    found = find_bots(spool, most)
    if work.report.data:
        left_out = work.report.data.left_out | {"bots": int(found.sum())}
        work.report.data = msgspec.structs.replace(work.report.data, left_out=left_out)
    rest = spool.without(found)
    if not len(rest):
        raise DriftError([f"max_events_a_day = {most:,} takes everybody for a bot; raise it"])
    return rest


def _user() -> str:
    """Name who runs the night; in a container a user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
