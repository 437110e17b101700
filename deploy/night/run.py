"""Run a night from top to bottom: read, judge, publish, refresh, clean up, report."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from batch_training.judging.gate import METRIC, last_figure
from batch_training.night import Given, run_night
from batch_training.night_report import DataFacts, NightReport
from batch_training.publish import publish
from batch_training.reading.bots import find_bots
from batch_training.reading.drift import drift, rises
from batch_training.reading.load_report import BadDataError
from data.catalogue import Catalogue
from data.frozen_model import ModelVersion
from data.model_archive import export
from data.model_store import ModelStoreError
from data.redis_connection import RedisUnavailableError, explained
from data.sources.column_map import ColumnMap
from data.sources.movielens_folder import movielens_catalogue
from deploy.night.lists import give_lists, seen_lately
from deploy.night.read import read_events

if TYPE_CHECKING:
    from pathlib import Path

    from batch_training.night import Night
    from batch_training.progress import Stages
    from batch_training.reading.load_report import LoadReport
    from batch_training.reading.spool import Spool
    from data.frozen_model import FrozenModel
    from data.model_store import Active
    from deploy.night.folder import NightFolder
    from deploy.settings import Settings
    from deploy.stores import Stores

_FALL: Final = 0.8  # of last night's hit rate: less is told as unusual
_SUFFIX: Final = ".upnext"


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


class NightOptions(NamedTuple):
    """What a night is told on the command line.

    Attributes
    ----------
    paths
        Where the interactions are.
    catalogue
        File by which the served catalogue is brought up to date, if any.
    mapping
        How the columns of the interactions are called.
    dry_run
        Do everything but publish.
    forced_why
        Why a model is published even if the gate refuses it; empty to heed the gate.
    """

    paths: tuple[Path, ...]
    catalogue: Path | None = None
    mapping: ColumnMap = ColumnMap()
    dry_run: bool = False
    forced_why: str = ""


@dataclass(frozen=True)
class Run:
    """One night on its way.

    Attributes
    ----------
    report
        Is filled on the way, so that it tells how far a night came that failed.
    folder
        What the night leaves behind.
    scratch
        Folder for what is needed while it runs.
    """

    options: NightOptions
    settings: Settings
    stores: Stores
    stages: Stages
    report: NightReport
    folder: NightFolder
    scratch: Path

    def night(self) -> None:
        """Go from top to bottom."""
        if not self.options.dry_run:
            self.stores.models.sweep(lock=self.stores.lock)
            self.stores.models.check_room()  # better now than after an hour of training
        serving = self._serving()
        catalogue = self._catalogue()
        spool = self._read()
        self._compare_with_last_night(serving)
        given = Given(
            spool=self._without_bots(spool),
            catalogue=catalogue,
            serving=serving,
            forced_by=f"{_user()}@{socket.gethostname()}",
            forced_why=self.options.forced_why,
        )
        night = run_night(given, self.settings.night(), self.report, self.stages)
        self._look_at_the_gate()
        if self.options.dry_run:
            self.report.verdict = "dry run"
            return
        active = self._publish(night, catalogue)
        self._refresh(night, active)
        self._clean_up(active)

    def _look_at_the_gate(self) -> None:
        """Say what a person should look at although it was let pass."""
        report = self.report
        if report.gate and report.gate.forced_by:
            who, why = report.gate.forced_by, report.gate.forced_why
            refused = "; ".join(report.gate.reasons)
            self._unusual(f"Forced by {who} ({why}), although the gate refused it: {refused}")
        last = report.last_hit_rate
        own = report.judgements[0].ways[0].figures[METRIC].mean if report.judgements[0].ways else 0
        if last is not None and own < _FALL * last:
            self._unusual(
                f"The hit rate is {own:.1%}; the model served until now measured {last:.1%} in its "
                "own night, on other events"
            )

    def _serving(self) -> FrozenModel | None:
        """Load the model that is served; one that can't be read is as good as none."""
        active = self.stores.models.current()
        if active is None:
            return None
        self.report.parent = active.version
        try:
            return self.stores.models.load(active.version).model
        except ModelStoreError as error:
            self._unusual(
                f"The model that is served can't be read, so nothing is compared: {error}"
            )
            return None

    def _catalogue(self) -> Catalogue:
        """Bring the served catalogue up to date with a MovieLens folder's, and the file given."""
        known = Catalogue()
        if self.report.parent:
            try:
                known = self.stores.models.catalogue(ModelVersion(self.report.parent))
            except ModelStoreError as error:
                self._unusual(f"The catalogue that is served can't be read: {error}")
        for path in self.options.paths:
            if path.is_dir() and (films := movielens_catalogue(path)):
                known = Catalogue([*films.values(), *known.values()])  # what is known stays
        if self.options.catalogue:
            known = known.updated(self.options.catalogue).catalogue
        return known

    def _read(self) -> Spool:
        """Read and validate; what can't be used is kept in the quarantine."""
        o, load = self.options, self.settings.load()
        try:
            spool, loaded = read_events(o.paths, o.mapping, load, self.scratch, self.stages)
        except BadDataError as error:
            self._tell_of(error.report)
            raise
        finally:
            self.report.quarantine = self.folder.keep_quarantine(self.scratch)
        self._tell_of(loaded)
        return spool

    def _tell_of(self, loaded: LoadReport) -> None:
        """Keep what became of the rows; how many pairs they make is counted later."""
        self.report.data = loaded.facts(pairs=0, left_out={})
        self.report.examples = {
            reason: tuple(map(str, rows)) for reason, rows in loaded.examples.items()
        }

    def _compare_with_last_night(self, serving: FrozenModel | None) -> None:
        """Refuse data of which far too little came."""
        now, report = self.report.data, self.report
        if serving is None or now is None:
            return
        report.last_hit_rate = last_figure(serving)
        try:
            report.last = msgspec.convert(serving.metadata["data"], DataFacts)
        except (KeyError, msgspec.ValidationError):
            self._unusual("The model that is served doesn't tell what it learnt from.")
            return
        if reasons := drift(now, report.last, self.settings.max_fall):
            raise DriftError(reasons)
        for sentence in rises(now, report.last):
            self._unusual(sentence)

    def _without_bots(self, spool: Spool) -> Spool:
        """Leave out users who do more than people can."""
        most = self.settings.max_events_a_day
        if not most:
            return spool
        found = find_bots(spool, most)
        if self.report.data:
            left_out = self.report.data.left_out | {"bots": int(found.sum())}
            self.report.data = msgspec.structs.replace(self.report.data, left_out=left_out)
        rest = spool.without(found)
        if not len(rest):
            raise DriftError([f"max_events_a_day = {most:,} takes everybody for a bot; raise it"])
        return rest

    def _publish(self, night: Night, catalogue: Catalogue) -> Active:
        """Put the model where the workers find it."""
        report = self.report
        report.verdict, report.stages = "published", tuple(self.stages.facts)
        built_at, stores = datetime.now(UTC), self.stores
        try:
            with self.stages.stage("Publish and activate"):
                return publish(night.model, catalogue, stores.models, built_at, report, stores.lock)
        except BaseException:
            if not self._is_served(report.version):
                report.verdict, report.version = "fault", ""
            raise

    def _is_served(self, version: str) -> bool:
        """Look whether the pointer had moved already when something went wrong."""
        try:
            with explained(self.settings.redis_url):
                active = self.stores.models.current()
        except (RedisUnavailableError, ModelStoreError):
            return False
        return active is not None and active.version == version

    def _refresh(self, night: Night, active: Active) -> None:
        """Give everybody a list of the new model."""
        s, histories = self.settings, night.histories
        done, behind = give_lists(
            self.stores,
            (active, night.model),
            (histories, seen_lately(histories, s.refresh_days, night.until_at)),
            self.stages,
            length=s.list_length,
        )
        self.report.refreshed = done._asdict()
        for sentence in behind:
            self._unusual(sentence)

    def _clean_up(self, active: Active) -> None:
        """Keep the last versions, in Redis and on disk."""
        keep = self.settings.keep_versions
        with self.stages.stage("Clean up"):
            in_use = {beat.version for beat in self.stores.heartbeats.alive() if beat.version}
            self.stores.models.prune(keep, in_use, lock=self.stores.lock)
            folder, file = self.folder.models, f"{active.version}{_SUFFIX}"
            folder.mkdir(exist_ok=True)
            export(self.stores.models, active.version, self.scratch / file)
            (self.scratch / file).replace(folder / file)  # a kill leaves nothing half-written there
            for old in sorted(folder.glob(f"*{_SUFFIX}"))[:-keep]:
                old.unlink()

    def _unusual(self, sentence: str) -> None:
        self.report.unusual += (sentence,)


def _user() -> str:
    """Name who runs the night; in a container a user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
