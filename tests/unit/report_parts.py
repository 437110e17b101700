"""Parts of reports: data, judgements, fits and stages as they could have been."""

from __future__ import annotations

import math
from typing import Final, Literal

from batch_training.judgements import ActivityGroup, Interval, Judgement, Ladder, Quality, Rung
from batch_training.night_report import DataFacts, StageFacts, Training

NIGHT_AT: Final = 1_790_906_400_000  # 2 October 2026, 02:00 UTC
_DAY_MS: Final = 86_400_000

# Hit rate, MRR, NDCG, coverage, Gini and intra-list similarity at 10 of each way, replayed.
REPLAYED: Final[dict[str, tuple[float, ...]]] = {
    "candidate": (0.1342, 0.0591, 0.0763, 0.412, 0.871, 0.318),
    "serving": (0.1286, 0.0570, 0.0734, 0.405, 0.874, 0.322),
    "left_alone": (0.0531, 0.0242, 0.0307, 0.331, 0.902, 0.305),
    "popularity": (0.0588, 0.0261, 0.0334, 0.0094, 0.996, 0.291),
    "recent_popularity": (0.0603, 0.0279, 0.0351, 0.0102, 0.995, 0.288),
    "item_knn": (0.1449, 0.0648, 0.0827, 0.537, 0.790, 0.401),
    "ease": (0.1821, 0.0852, 0.1064, 0.463, 0.842, 0.366),
}
_KEYS: Final = (
    "hit_rate@10",
    "mrr@10",
    "ndcg@10",
    "coverage@10",
    "gini@10",
    "intra_list_similarity@10",
)
_ALL_KEYS: Final = (*_KEYS, "ndcg@100", "recall@20", "recall@50")
_BESIDE: Final = {
    "temporal": {
        "candidate": (0.402, 0.201, 0.163, 0.391, 0.88, 0.32, 0.231, 0.211, 0.32),
        "serving": (0.4, 0.199, 0.161, 0.388, 0.88, 0.32, 0.23, 0.209, 0.317),
        "popularity": (0.421, 0.214, 0.174, 0.009, 0.99, 0.29, 0.22, 0.19, 0.28),
    },
    "unseen": {
        "candidate": (0.811, 0.52, 0.39, 0.42, 0.87, 0.33, 0.451, 0.381, 0.476),
        "popularity": (0.55, 0.31, 0.2, 0.009, 0.99, 0.29, 0.219, 0.181, 0.225),
        "ease": (0.807, 0.517, 0.388, 0.43, 0.86, 0.36, 0.448, 0.379, 0.469),
    },
}


def around(mean: float, half: float) -> Interval:
    """Give an interval that reaches as far to both sides."""
    return Interval(mean, mean - half, mean + half)


def data(size: float) -> DataFacts:
    rows = round(20_004_182 * size)
    dropped = {
        "watch_ratio is no number": round(18_211 * size),
        "time lies in the future": round(5_802 * size),
        "the user is missing": round(9 * size),
    }
    return DataFacts(
        rows=rows,
        events=rows - sum(dropped.values()),
        users=round(149_814 * size),
        videos=round(49_655 * size),
        pairs=round(16_205_331 * size),
        oldest_at=NIGHT_AT - 180 * _DAY_MS,
        newest_at=NIGHT_AT - 60_000 - round((1 - size) * 70 * _DAY_MS),
        kinds={
            "watch": round(17_511_960 * size),
            "like": round(1_904_300 * size * size),
            "dislike": round(301_220 * size),
            "share": round(188_310 * size),
            "hide": round(74_370 * size),
        },
        watch_ratio=(0.08, 0.61 + (1 - size) / 2, 1.0),
        dropped=dropped,
        left_out={"videos that fewer than 3 users wanted": 1_204, "users without anything": 37},
        fingerprint="b2:7f3a91c05d52e6f01c7a9be4",
    )


def replayed(scores: dict[str, tuple[float, ...]] = REPLAYED) -> Judgement:
    own = scores["candidate"]
    ways = tuple(
        Quality(
            name=name,
            figures=_intervals(dict(zip(_KEYS, values, strict=True)), 0.035),
            less_candidate={}
            if name == "candidate"
            else {
                key: around(value - mine, 0.003 if key == "hit_rate@10" else 0.0024)
                for key, value, mine in zip(_KEYS[:3], values, own, strict=False)
            },
        )
        for name, values in scores.items()
    )
    return Judgement(
        protocol="replay",
        from_at=NIGHT_AT - _DAY_MS,
        to_at=NIGHT_AT,
        cases=20_000,
        users=8_412,
        ways=ways,
    )


def _intervals(values: dict[str, float], spread: float) -> dict[str, Interval]:
    """Give values of users an interval; what is counted over all lists has none."""
    over_all = ("coverage@10", "gini@10")
    return {k: around(v, 0 if k in over_all else spread * v) for k, v in values.items()}


def beside(protocol: Literal["temporal", "unseen"]) -> Judgement:
    ease = {"ease": "the catalogue holds 49,655 videos, more than 20,000"}
    return Judgement(
        protocol=protocol,
        from_at=NIGHT_AT - 18 * _DAY_MS,
        to_at=NIGHT_AT,
        cases=5_000,
        users=5_000,
        ways=tuple(
            Quality(name=name, figures=_intervals(dict(zip(_ALL_KEYS, values, strict=True)), 0.02))
            for name, values in _BESIDE[protocol].items()
        ),
        left_out=ease if protocol == "temporal" else {},
    )


def training(iterations: int, *, stopped: bool) -> Training:
    seen = sorted({*range(4, iterations + 1, 4), iterations})
    return Training(
        device="NVIDIA H100 80GB HBM3" if stopped else "cpu",
        factors=128,
        iterations=iterations,
        stopped_early=stopped,
        loss=tuple((n, 0.0021 + 0.0019 * math.exp(-n / 4)) for n in seen),
        probe=tuple((n, 0.128 * (1 - math.exp(-n / 3))) for n in seen),
    )


def ladder() -> Ladder:
    worth = {name: row[0] for name, row in REPLAYED.items() if name != "serving"}
    worth |= {"live": 0.071, "recency": 0.1129, "follow_ups": 0.0987, "follow_ups_alone": 0.0903}
    worth |= {"item_knn_flat": 0.0702, "ease_flat": 0.0911}
    order: tuple[str, ...] = (
        "popularity",
        "recent_popularity",
        "left_alone",
        "live",
        "recency",
        "follow_ups",
    )
    order += ("follow_ups_alone", "candidate", "item_knn_flat", "item_knn", "ease_flat", "ease")
    rungs = tuple(
        Rung(
            name=name,
            figure=around(worth[name], 0.008),
            over_live=around(worth[name] - worth["live"], 0.006),
            less_whole=around(worth[name] - worth["candidate"], 0.006),
        )
        for name in order
    )
    parts = ("recency", "follow_ups")
    return Ladder(metric="hit_rate@10", cases=2_000, users=1_604, parts=parts, rungs=rungs)


def by_activity() -> tuple[ActivityGroup, ...]:
    groups = (("1–9 videos", 1_820, 0.7), ("10–49 videos", 3_911, 1.0), ("50 and more", 2_681, 1.2))
    ways = ("candidate", "serving", "popularity")
    return tuple(
        ActivityGroup(
            label=label,
            users=users,
            hit_rate={way: around(REPLAYED[way][0] * times, 0.4 / users**0.5) for way in ways},
        )
        for label, users, times in groups
    )


def curves() -> dict[str, tuple[float, ...]]:
    bends = {"candidate": 0.36, "serving": 0.34, "popularity": 0.001, "item_knn": 0.5, "ease": 0.42}
    return {name: tuple((n / 100) ** bend for n in range(1, 101)) for name, bend in bends.items()}


def stages() -> tuple[StageFacts, ...]:
    return (
        StageFacts("Read and validate", 141.2, 1_204.0),
        StageFacts("Merge", 88.9, 2_611.0),
        StageFacts("Train on the older events", 612.4, 2_988.0),
        StageFacts("Replay the newer events", 94.0, 2_420.0),
        StageFacts("Judge the other ways", 71.5, 2_702.0),
        StageFacts("Judge by the other protocols", 44.3, 2_650.0),
        StageFacts("Train on everything", 702.8, 3_101.0),
        StageFacts("Publish", 6.4, 1_480.0),
        StageFacts("Refresh", 112.7, 1_702.0),
    )
