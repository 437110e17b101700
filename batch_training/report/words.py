"""Words and numbers as people read them: names of ways and metrics, shares, times, sizes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from batch_training.judgements import Interval

NOTHING: Final = "–"  # stands where there is no number
_SPACE: Final = "\N{NO-BREAK SPACE}"
_MINUS: Final = "\N{MINUS SIGN}"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

WAYS: Final = {
    "candidate": "the new model",
    "serving": "the model served until now",
    "left_alone": "last night's lists, left alone",
    "popularity": "popularity",
    "recent_popularity": "recent popularity",
    "item_knn": "item-kNN",
    "ease": "EASE",
}
PARTS: Final = {"recency": "recency", "prior": "prior", "follow_ups": "follow-ups"}
RUNGS: Final = {
    "popularity": "popularity: the same videos for everybody",
    "recent_popularity": "recent popularity: the same videos for everybody",
    "left_alone": "last night's lists, left alone",
    "live": "live: lists that follow every event",
    "recency": "live + recency: the newest videos count most",
    "prior": "live + prior: what is popular now gets a lift",
    "follow_ups": "live + follow-ups: what people watch next gets a lift",
    "follow_ups_alone": "follow-ups alone: what people watch next, without taste",
    "everything": "everything",
    "item_knn_flat": "item-kNN, live",
    "item_knn": "item-kNN, live + recency",
    "ease_flat": "EASE, live",
    "ease": "EASE, live + recency",
}
PROTOCOLS: Final = {
    "replay": "replayed events",
    "temporal": "everything after one moment",
    "unseen": "users the model never saw",
}


class Metric(NamedTuple):
    """How a metric is called and shown.

    Attributes
    ----------
    share
        Shown as a percentage.
    meaning
        Half a sentence; what stands after the ``@`` is filled in for ``{n}``.
    """

    name: str
    share: bool
    meaning: str


METRICS: Final = {
    "hit_rate": Metric(
        "Hit rate", share=True, meaning="share of lists with a wanted video in the first {n}"
    ),
    "mrr": Metric(
        "MRR", share=False, meaning="mean of 1 / the best place of a wanted video in the first {n}"
    ),
    "ndcg": Metric(
        "NDCG", share=False, meaning="how high the wanted videos stand in the first {n}"
    ),
    "recall": Metric(
        "Recall", share=True, meaning="share of the wanted videos that stand in the first {n}"
    ),
    "coverage": Metric(
        "Coverage", share=True, meaning="share of all videos that stand in anybody's first {n}"
    ),
    "gini": Metric(
        "Gini", share=False, meaning="0: every video is listed as often, 1: one video has it all"
    ),
    "intra_list_similarity": Metric(
        "ILS", share=False, meaning="intra-list similarity: how alike the videos of one list are"
    ),
}


def metric(key: str) -> Metric:
    """Describe a metric by its key, such as ``hit_rate@10``."""
    base, _, n = key.partition("@")
    known = METRICS.get(base, Metric(base, share=False, meaning=""))
    return Metric(f"{known.name}@{n}" if n else known.name, known.share, known.meaning.format(n=n))


def by_importance(keys: set[str]) -> list[str]:
    """Sort metrics as people look at them; unknown ones last."""
    order = list(METRICS)

    def place(key: str) -> tuple[int, str, int, str]:
        base, _, n = key.partition("@")
        known = order.index(base) if base in METRICS else len(order)
        return known, base, int(n) if n.isdecimal() else 0, key

    return sorted(keys, key=place)


def way(key: str) -> str:
    """Name a way to make lists."""
    return WAYS.get(key, key)


def rung(key: str, parts: tuple[str, ...]) -> str:
    """Name a rung of a ladder; the parts are those of the candidate."""
    if key != "candidate":
        return RUNGS.get(key, key)
    return " + ".join(["the new model: live", *(PARTS.get(part, part) for part in parts)])


def capital(text: str) -> str:
    """Begin with a capital letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def number(value: float) -> str:
    """Write a count, or a measured number with about three digits."""
    if not math.isfinite(value):
        return NOTHING
    if isinstance(value, int) or abs(value) >= 100:  # noqa: PLR2004 - three digits
        return _signed(f"{value:,.0f}")
    return _signed(f"{value:.3g}")


def percent(share: float, digits: int | None = None) -> str:
    """Write a share; below 1 % with one digit more."""
    if not math.isfinite(share):
        return NOTHING
    digits = share_digits(share) if digits is None else digits
    return _signed(f"{100 * share:,.{digits}f}{_SPACE}%")


def share_digits(share: float) -> int:
    """Digits after the point of a percentage."""
    return 1 if share == 0 or abs(share) >= 0.01 else 2  # noqa: PLR2004 - 1 %


def figure(key: str, value: float) -> str:
    """Write a metric's value."""
    if metric(key).share:
        return percent(value)
    return _signed(f"{value:.3f}") if math.isfinite(value) else NOTHING


def span(key: str, interval: Interval) -> str:
    """Write the bounds of an interval, with the digits of its mean; empty if it has none."""
    low, high = interval.low, interval.high
    if low == high or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if not metric(key).share:
        return f"{_signed(f'{low:.3f}')}–{_signed(f'{high:.3f}')}"
    digits = share_digits(interval.mean)
    return f"{_signed(f'{100 * low:,.{digits}f}')}–{percent(high, digits)}"


def difference(key: str, value: float) -> str:
    """Write a difference of a metric, with its sign; shares in percentage points."""
    if not math.isfinite(value):
        return NOTHING
    return _signed(f"{100 * value:+,.2f}" if metric(key).share else f"{value:+.3f}")


def bounds(key: str, interval: Interval) -> str:
    """Write the bounds of a difference."""
    return f"{difference(key, interval.low)} to {difference(key, interval.high)}"


def is_clear(interval: Interval) -> bool:
    """Tell whether 0 lies outside the interval."""
    return interval.low > 0 or interval.high < 0


def change(before: float, now: float) -> str:
    """Write how much a number changed."""
    if not before or not math.isfinite(before) or not math.isfinite(now):
        return NOTHING
    return _signed(f"{100 * (now / before - 1):+,.1f}{_SPACE}%")


def duration(seconds: float) -> str:
    """Write a duration."""
    if not math.isfinite(seconds):
        return NOTHING
    if round(abs(seconds), 1) < 60:  # noqa: PLR2004 - seconds of a minute
        return _signed(f"{seconds:.1f}{_SPACE}s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes}{_SPACE}min {rest:02}{_SPACE}s"
    return f"{minutes // 60:,}{_SPACE}h {minutes % 60:02}{_SPACE}min"


def memory(mib: float) -> str:
    """Write a size in memory, given in MiB."""
    if not math.isfinite(mib):
        return NOTHING
    return f"{mib / 1024:,.2f}{_SPACE}GiB" if mib >= 1024 else f"{mib:,.0f}{_SPACE}MiB"  # noqa: PLR2004 - MiB of a GiB


def moment(at: int) -> str:
    """Write a time, given in ms UTC."""
    try:
        then = _EPOCH + timedelta(milliseconds=at)
    except OverflowError:
        return NOTHING
    return f"{then.day} {then:%B} {then.year}, {then:%H:%M} UTC"


def _signed(text: str) -> str:
    """Put a true minus sign; what was rounded to nothing has no sign."""
    if text.startswith(("-", "+")) and not any(digit in text for digit in "123456789"):
        text = text[1:]
    return text.replace("-", _MINUS)
