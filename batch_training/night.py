"""Night: from validated events to a judged, frozen model, top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from batch_training.judging.gate import broken, does_not_answer, refusals
from batch_training.judging.judge import Contest, judge
from batch_training.judging.sample_users import sample_users
from batch_training.judging.unseen import choose_unseen, draw_users
from batch_training.judging.window import choose_window
from batch_training.merging.histories import gather
from batch_training.model_card import libraries, model_card
from batch_training.night_report import GateFacts
from batch_training.opponent import choose_opponent
from batch_training.trainer import Trainer
from batch_training.training.probe import probe
from batch_training.training.train import FitError
from data.frozen_model import FrozenModel, InvalidModelError

if TYPE_CHECKING:
    from batch_training.events import Events
    from batch_training.judgements import Judgement
    from batch_training.judging.window import Window
    from batch_training.merging.histories import Histories
    from batch_training.night_report import NightReport
    from batch_training.night_settings import NightSettings
    from batch_training.opponent import Opponent
    from batch_training.progress import Stages
    from batch_training.reading.spool import Spool
    from data.catalogue import Catalogue

_TRIED: Final = 256  # users folded into the model of everything before it is published


class RefusedError(RuntimeError):
    """The night made no model that may be served; the reasons say why.

    Attributes
    ----------
    reasons
        Sentences that name numbers.
    """

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Given(NamedTuple):
    """What a night starts from.

    Attributes
    ----------
    spool
        All valid events.
    catalogue
        The videos; those that are blocked are never recommended.
    serving
        The model that is served now; None on the first night.
    forced_by, forced_why
        Who publishes even what the gate refuses, and why; it is heeded if the why is empty.
    """

    spool: Spool
    catalogue: Catalogue
    serving: FrozenModel | None = None
    forced_by: str = ""
    forced_why: str = ""


class Night(NamedTuple):
    """What a night gives.

    Attributes
    ----------
    model
        Trained on everything.
    histories
        Of all users.
    until_at
        When the data end, see `batch_training.reading.spool.Spool.until`.
    """

    model: FrozenModel
    histories: Histories
    until_at: int


def run_night(given: Given, settings: NightSettings, report: NightReport, stages: Stages) -> Night:
    """Judge the settings on the newest events, then train on everything.

    Parameters
    ----------
    report
        Is filled on the way, so that it tells what is known when a night is refused or fails.

    Raises
    ------
    RefusedError
        If the gate refuses the candidate, or training gave no model.
    """
    try:
        return _Run(given, settings, report, stages).night()
    except (FitError, InvalidModelError, np.linalg.LinAlgError) as error:
        reason = f"training gave no model that could be served: {error}"
        raise RefusedError([reason]) from error


@dataclass
class _Run:
    """One night on its way."""

    given: Given
    settings: NightSettings
    report: NightReport
    stages: Stages

    @property
    def _trainer(self) -> Trainer:
        limit = self.settings.history_limit
        return Trainer(self.given.catalogue, limit, self.report, self.stages)

    def night(self) -> Night:
        """Go from top to bottom."""
        limit = self.settings.history_limit
        window = self._window()
        with self.stages.stage("Merge the older events"):
            before, later = gather(self.given.spool, window.cut_at, limit, self.settings.seed)
        self.settings = self.settings.resolved(before)
        self._judge(window, before, later)
        with self.stages.stage("Merge everything"):
            histories = before.merged(later, limit)
            del before, later
        return self._everything(histories)

    def _window(self) -> Window:
        """Choose the events to judge by."""
        serving = self.given.serving
        until_at = serving.metadata.get("until_at") if serving else None
        s = self.settings
        return choose_window(self.given.spool, until_at, s.judged_share, s.window_events)

    def _judge(self, window: Window, before: Histories, later: Events) -> None:
        """Train on the older events, judge by the newer ones, and ask the gate."""
        s, blocked, report = self.settings, self.given.catalogue.blocked_ids, self.report
        with self.stages.stage("Train on the older events"):
            learnt_from = self._trainer.training_set(before, s.train, s.min_support)
            asked = probe(before, later, learnt_from, s.train, blocked)
            candidate = self._trainer.fit(learnt_from, s.train, asked)
        opponent = choose_opponent(self.given.serving, window, s)
        rival = opponent.model
        if opponent.train is not None:
            with self.stages.stage("Train the serving model's settings"):
                theirs = self._trainer.training_set(before, opponent.train, opponent.min_support)
                rival = self._trainer.fit_aside(theirs, opponent.train)
        with self.stages.stage("Judge by the newer events"):
            judged = judge(
                Contest(candidate, rival, before, later),
                msgspec.structs.replace(s.judge, protocols=("replay", "temporal")),
                blocked,
                self.stages.progress.step,
                partial(self.stages.part, "Judge the baselines"),
            )
        report.judgements, report.ladder = judged.judgements, judged.ladder
        report.by_activity, report.popularity_curve = judged.by_activity, judged.popularity_curve
        self._ask_the_gate(candidate, opponent)
        report.judgements += self._judge_unseen(before, later)

    def _ask_the_gate(self, candidate: FrozenModel, opponent: Opponent) -> None:
        """Refuse a candidate that must not be published."""
        serving, itself = self.given.serving, opponent.model is not None
        replayed = self.report.judgements[0]
        reasons = refusals(replayed, candidate, serving, self.settings.gate, itself=itself)
        forced = bool(reasons and self.given.forced_why)
        self.report.gate = GateFacts(
            compared_with=opponent.how,
            reasons=tuple(reasons),
            forced_by=self.given.forced_by if forced else "",
            forced_why=self.given.forced_why if forced else "",
        )
        if reasons and not forced:
            raise RefusedError(reasons)

    def _judge_unseen(self, before: Histories, later: Events) -> tuple[Judgement, ...]:
        """Fit once more without some users, and judge by them; of so many users as is cheap."""
        s, blocked = self.settings, self.given.catalogue.blocked_ids
        some = before.take(draw_users(before, s.unseen_pairs, s.seed))
        unseen = choose_unseen(some, s.judge.unseen)
        with self.stages.stage("Train without some users"):
            learnt_from = self._trainer.training_set(some, s.train, s.min_support, unseen)
            if not learnt_from.matrix.nnz or not unseen.any():
                return ()
            model = self._trainer.fit_aside(learnt_from, s.train)
        with self.stages.stage("Judge by those users"):
            nothing = replace(later.take(slice(0)), users=some.users)
            judged = judge(
                Contest(model, None, some, nothing, some.take(unseen)),
                msgspec.structs.replace(s.judge, protocols=("unseen",)),
                blocked,
                self.stages.progress.step,
                partial(self.stages.part, "Judge the baselines"),
            )
        return judged.judgements

    def _everything(self, histories: Histories) -> Night:
        """Train on everything, with as many iterations as the judged fit took."""
        s, report = self.settings, self.report
        report.libraries = libraries()
        train = msgspec.structs.replace(s.train, iterations=report.training[-1].iterations)
        with self.stages.stage("Train on everything"):
            learnt_from = self._trainer.training_set(histories, train, s.min_support)
            model = self._trainer.fit(learnt_from, train)
        if report.data:
            report.data = msgspec.structs.replace(
                report.data,
                pairs=len(histories.video),
                left_out=report.data.left_out | learnt_from.left_out,
            )
        with self.stages.stage("Try it out"):
            self._try_out(model, histories)
        until_at = self.given.spool.until()
        facts = model_card(report, s, self.stages) | {"until_at": until_at}
        return Night(replace(model, metadata=facts), histories, until_at)

    def _try_out(self, model: FrozenModel, histories: Histories) -> None:
        """Look at the model of everything before it is published; nobody judged this one."""
        active = np.flatnonzero(histories.lengths)
        draw = np.random.default_rng(self.settings.seed)
        users = draw.choice(active, min(_TRIED, len(active)), replace=False)
        tried = [histories.history(user) for user in users.tolist()]
        reasons = broken(model, self.settings.gate) + does_not_answer(model, tried)
        if reasons:
            raise RefusedError([f"the model of everything: {reason}" for reason in reasons])
        self.report.sample_users = sample_users(
            histories, model, self.given.serving, self.given.catalogue, self.settings.seed
        )
