"""Nights as they could have gone, told in full: what the page and the terminal are tested with."""

from __future__ import annotations

from typing import Final

import msgspec

from batch_training.night_report import GateFacts, NightReport, SampleUser
from tests.unit.report_parts import (
    NIGHT_AT,
    REPLAYED,
    beside,
    by_activity,
    curves,
    data,
    ladder,
    replayed,
    stages,
    training,
)

VERSION: Final = "20261002T023114Z-5e0c9a1b77d2"
PARENT: Final = "20261001T022958Z-91f3aa20c4e8"
SCRIPT: Final = "<script>alert('seen')</script> & Co."
EMOJI: Final = "Fünf Katzen 🐈‍⬛ auf dem Dach"
_WATCHED: Final = ("Toy Story (1995)", SCRIPT, EMOJI, "Babe (1995)", "Chicken Run (2000)")
_BEFORE: Final = (
    "A Bug's Life (1998)",
    "Toy Story 2 (1999)",
    "The Iron Giant (1999)",
    "Antz (1998)",
    "Wallace & Gromit: The Wrong Trousers (1993)",
    "Aladdin (1992)",
    "Groundhog Day (1993)",
    "The Lion King (1994)",
    "Mulan (1998)",
    "Tarzan (1999)",
)
_AFTER: Final = (
    "Toy Story 2 (1999)",
    "Wallace & Gromit: A Close Shave (1995)",
    "A Bug's Life (1998)",
    "The Iron Giant (1999)",
    "Galaxy Quest (1999)",
    "Wallace & Gromit: The Wrong Trousers (1993)",
    "Creature Comforts (1990)",
    "Antz (1998)",
    "Groundhog Day (1993)",
    "The Nightmare Before Christmas (1993)",
)
_EXAMPLES: Final = {
    "watch_ratio is no number": (
        "events/2026-10-01.parquet, row 18,221: watch_ratio is 'n/a'",
        "events/2026-10-01.parquet, row 18,222: watch_ratio is 'n/a'",
    ),
    "time lies in the future": ("events/2026-09-30.jsonl.zst, row 7: at is 2061-01-01",),
}
_SETTINGS: Final = {
    "train": {"factors": 128, "regularization": 40.0, "seed": 0, "device": "auto"},
    "gate": {"margin": 0.02, "min_coverage": 0.5},
    "history_limit": 1_000,
    "judged_share": 0.9,
}
_LIBRARIES: Final = {"implicit": "0.7.3", "numpy": "2.4.1", "python": "3.11.7", "scipy": "1.17.0"}


def published() -> NightReport:
    """Give a night that went well; every part is filled."""
    return NightReport(
        started_at=NIGHT_AT,
        seconds=1_874.2,
        verdict="published",
        unusual=(
            "The share of rows that could not be used rose from 0.02 % to 0.12 %.",
            "312 videos are new; 41 of them stand in somebody's list.",
        ),
        version=VERSION,
        parent=PARENT,
        data=data(1.0),
        last=data(0.987),
        last_hit_rate=0.1279,
        examples=_EXAMPLES,
        quarantine="state/nights/20261002T020000Z/quarantine.parquet",
        training=(training(15, stopped=False), training(12, stopped=True)),
        judgements=(replayed(), beside("temporal"), beside("unseen")),
        gate=GateFacts(
            compared_with="Both models were judged on events of the last day, which neither had "
            "seen.",
            reasons=(),
        ),
        ladder=ladder(),
        by_activity=by_activity(),
        popularity_curve=curves(),
        stages=stages(),
        sample_users=_sample_users(),
        refreshed={"written": 138_412, "unchanged": 1_207},
        settings=_SETTINGS,
        libraries=_LIBRARIES,
    )


def _sample_users() -> tuple[SampleUser, ...]:
    """Show six users, one after the other with less before and after."""
    users = ("u-20931", "4711", "anna@example", EMOJI[-8:], "u 5", "u6")
    return tuple(
        SampleUser(user=user, watched=_WATCHED[n:], before=_BEFORE[n:], after=_AFTER[: 10 - n])
        for n, user in enumerate(users)
    )


def refused() -> NightReport:
    """Give a night whose model was worse than the one that is served."""
    good = published()
    reason = (
        "on events that neither has seen, the lists hold the next liked video in 11.08% of all "
        "cases, those of the serving model in 12.86%: 1.78% more, with 95 % confidence at least "
        "1.39%, where 0.26% may be lost (gate_margin)"
    )
    worse = REPLAYED | {"candidate": (0.1108, 0.0473, 0.0617, 0.398, 0.88, 0.33)}
    return msgspec.structs.replace(
        good,
        verdict="refused",
        reasons=(reason,),
        version="",
        unusual=(),
        judgements=(replayed(worse), *good.judgements[1:]),
        gate=GateFacts(
            compared_with=good.gate.compared_with if good.gate else "", reasons=(reason,)
        ),
        training=good.training[:1],
        stages=good.stages[:6],
        refreshed={},
    )


def first() -> NightReport:
    """Give a first night: nothing to compare with."""
    good = published()
    ways = tuple(w for w in good.judgements[0].ways if w.name not in {"serving", "left_alone"})
    return msgspec.structs.replace(
        good,
        parent="",
        unusual=(),
        last=None,
        last_hit_rate=None,
        judgements=(msgspec.structs.replace(good.judgements[0], ways=ways),),
        sample_users=tuple(msgspec.structs.replace(u, before=()) for u in good.sample_users),
    )


def bad_data() -> NightReport:
    """Give a night that ended at its data."""
    return NightReport(
        started_at=NIGHT_AT,
        seconds=61.0,
        verdict="refused for its data",
        reasons=("there are 61.2 % fewer events than last night (max_fall is 30 %)",),
        parent=PARENT,
        data=data(0.388),
        last=data(1.0),
        stages=stages()[:2],
    )


def fault() -> NightReport:
    """Give a night that broke off at once."""
    return NightReport(started_at=NIGHT_AT)
