"""Load: from interaction files, as they stand there, to valid events and a count of the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from batch_training.events import RATING, WATCH, Events
from batch_training.load_report import EXAMPLES, BadDataError, BadRow, LoadReport
from data.interaction import KINDS, MAX_ID_BYTES, BadEventError, EventLimits, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from data.sources.table import Table

UNREADABLE: Final = "unreadable"
_REASONS: Final = ("", "invalid", "time_out_of_bounds")  # the words of a dead letter
_KIND_CODES: Final[dict[str, int]] = {kind: code for code, kind in enumerate(KINDS)}
_FAR: Final = 1 << 62  # ms; out of any bounds
_NO_TIME: Final = -(1 << 63)


class LoadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are taken, and how many bad ones are borne with.

    Attributes
    ----------
    limits
        Bounds in time; the same as for live events.
    max_bad_share
        More than this share of bad rows stops the night; from 0 to 1.
    seed
        For the order of events of the same moment.
    """

    limits: EventLimits = EventLimits()
    max_bad_share: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what the types can't say."""
        if not 0 <= self.max_bad_share <= 1:
            msg = f"max_bad_share = {self.max_bad_share} must be from 0 to 1"
            raise ValueError(msg)


class _Columns(NamedTuple):
    """Columns of `Events`, of good and bad rows.

    Where a cell can't be used stands a code of -1, a time of `_NO_TIME` or an infinite number.
    """

    user: NDArray[np.int32]
    video: NDArray[np.int32]
    kind: NDArray[np.int8]
    at: NDArray[np.int64]
    watch_ratio: NDArray[np.float64]
    rating: NDArray[np.float64]


def load(tables: Iterable[Table], settings: LoadSettings, now_ms: int) -> tuple[Events, LoadReport]:
    """Validate all rows by the rules for live events, and keep the good ones.

    Parameters
    ----------
    tables
        What the sources read.
    now_ms
        The present, in ms UTC; rows too far after it are dropped.

    Raises
    ------
    BadDataError
        If no row can be used, or more than ``settings.max_bad_share`` of them can't.
    """
    report = LoadReport()
    users: dict[str, int] = {}
    videos: dict[str, int] = {}
    parts = []
    for table in tables:
        columns = _columns(table.frame, users, videos)
        verdict = _verdict(columns, settings.limits, now_ms)
        good = verdict == 0
        parts.append(_Columns(*(column[good] for column in columns)))
        report.rows += len(parts[-1].at)
        report.kept += len(parts[-1].at)
        _report_bad(report, table, verdict, settings.limits, now_ms)
    if not report.kept:
        raise BadDataError("there is no interaction to learn from; check the files", report)
    if report.bad_share > settings.max_bad_share:
        raise BadDataError(
            f"{report.bad_share:.1%} of the rows can't be used, more than the "
            f"{settings.max_bad_share:.1%} of max_bad_share; mend the data or raise that setting",
            report,
        )
    joined = _Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    events = Events(users=list(users), videos=list(videos), **joined._asdict())
    return events.in_order(settings.seed), report


def _columns(frame: pd.DataFrame, users: dict[str, int], videos: dict[str, int]) -> _Columns:
    """Turn the cells of a table into codes and numbers; new ids are added to the dictionaries."""
    kinds = [_KIND_CODES.get(cell, -1) if isinstance(cell, str) else -1 for cell in frame["kind"]]
    return _Columns(
        _codes(frame["user"], users),
        _codes(frame["video"], videos),
        np.array(kinds, np.int8),
        _times(frame["at"]),
        _numbers(frame["watch_ratio"]),
        _numbers(frame["rating"]),
    )


def _codes(cells: pd.Series, codes: dict[str, int]) -> NDArray[np.int32]:
    """Give each id its code; -1 for what is none."""
    texts = np.array([cell if isinstance(cell, str) else None for cell in cells], object)
    local, distinct = pd.factorize(texts)
    found = [codes.setdefault(text, len(codes)) if _is_id(text) else -1 for text in distinct]
    return np.array([*found, -1], np.int32)[local]  # factorize says -1 for None: the last


def _is_id(text: str) -> bool:
    try:
        return 0 < len(text.encode()) <= MAX_ID_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _times(cells: pd.Series) -> NDArray[np.int64]:
    """Whole numbers, those beyond int64 cut to what is out of bounds all the same."""
    if cells.dtype.kind in "iu":
        return cells.to_numpy().astype(np.int64)
    whole = [
        min(max(cell, -_FAR), _FAR) if type(cell) is int else _NO_TIME  # a bool is no time
        for cell in cells
    ]
    return np.array(whole, np.int64)


def _numbers(cells: pd.Series) -> NDArray[np.float64]:
    """Numbers as they are; NaN for a missing one, infinity for what is none."""
    if cells.dtype.kind in "fiu":
        return cells.to_numpy(np.float64)
    return np.array([_number(cell) for cell in cells], np.float64)


def _number(cell: object) -> float:
    if cell is None:
        return np.nan
    try:
        # isinstance would let a bool through, and mypy does not narrow by type().
        is_number = type(cell) in (int, float)
        return float(cell) if is_number else np.inf  # type: ignore[arg-type]  # as said above
    except OverflowError:  # a whole number of hundreds of digits
        return np.inf


def _verdict(columns: _Columns, limits: EventLimits, now_ms: int) -> NDArray[np.int8]:
    """Place in `REASONS` of what is wrong with each row; the same rules as for a live event."""
    c = columns
    bad_ratio = (c.watch_ratio < 0) | np.isinf(c.watch_ratio)
    bad_rating = (c.rating < 0.5) | (c.rating > 5)  # noqa: PLR2004 - stars
    lacks_ratio = (c.kind == WATCH) & np.isnan(c.watch_ratio)
    lacks_rating = (c.kind == RATING) & np.isnan(c.rating)
    invalid = (np.minimum(c.user, c.video) < 0) | (c.kind < 0) | (c.at == _NO_TIME)
    invalid |= bad_ratio | bad_rating | lacks_ratio | lacks_rating
    in_time = (limits.earliest_ms <= c.at) & (c.at <= now_ms + limits.ahead_ms)
    return np.select([invalid, ~in_time], [np.int8(1), np.int8(2)], np.int8(0))


def _report_bad(
    report: LoadReport,
    table: Table,
    verdict: NDArray[np.int8],
    limits: EventLimits,
    now_ms: int,
) -> None:
    """Count the bad rows of a table, and describe the first ones as a live event would be."""
    for code, reason in enumerate(_REASONS[1:], start=1):
        found = np.flatnonzero(verdict == code)
        examples = [
            BadRow(table.path, int(table.rows[i]), _explain(table.frame.iloc[i], limits, now_ms))
            for i in found[:EXAMPLES].tolist()
        ]
        report.drop(reason, len(found), examples)
    unreadable = [BadRow(table.path, row, why) for row, why in table.unreadable[:EXAMPLES]]
    report.drop(UNREADABLE, len(table.unreadable), unreadable)


def _explain(row: pd.Series, limits: EventLimits, now_ms: int) -> str:
    """Say what is wrong with a row, in the words in which a live event is refused."""
    cells = {name: _plain(cell) for name, cell in row.items()}
    present = {name: cell for name, cell in cells.items() if cell is not None and cell == cell}  # noqa: PLR0124 - NaN is missing
    try:
        decode(json.dumps(present, default=repr).encode(), limits, now_ms)
    except BadEventError as error:
        return error.detail
    return f"a value of a type that has no place there: {present}"


def _plain(cell: object) -> object:
    return cell.item() if isinstance(cell, np.generic) else cell
