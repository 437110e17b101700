"""The night's page of any report that could be written, however odd."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from batch_training.night_report import NightReport
from batch_training.report import render, words
from tests.unit.pages import Page

# Not made smaller where one fails: that takes minutes, as a report has hundreds of parts.
QUICK: Final = (Phase.explicit, Phase.reuse, Phase.generate)
FLOATS: Final = st.floats(0, 1) | st.floats() | st.sampled_from([math.nan, math.inf, -math.inf])
# No letters, so that what a drawn report says can't be taken for a number that is none.
TEXT: Final = st.text(st.characters(exclude_categories=["Cs", "L"]), max_size=8)


def drawn(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a msgspec type
    """Draw a value of a type, by what msgspec knows of it."""
    info = msgspec.inspect.type_info(kind)
    return _drawn(info)


def _drawn(info: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401, C901, PLR0911 - as many as there are types
    match info:
        case msgspec.inspect.StructType():
            fields = {field.name: _drawn(field.type) for field in info.fields}
            return st.builds(info.cls, **fields)
        case msgspec.inspect.LiteralType():
            return st.sampled_from(list(info.values))
        case msgspec.inspect.UnionType():
            return st.one_of([_drawn(one) for one in info.types])
        case msgspec.inspect.DictType():
            return st.dictionaries(_drawn(info.key_type), _drawn(info.value_type), max_size=2)
        case msgspec.inspect.VarTupleType():
            return st.lists(_drawn(info.item_type), max_size=2).map(tuple)
        case msgspec.inspect.TupleType():
            return st.tuples(*[_drawn(one) for one in info.item_types])
        case msgspec.inspect.IntType():
            return st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 1_000)
        case msgspec.inspect.FloatType():
            return FLOATS
        case msgspec.inspect.StrType():
            return TEXT | st.sampled_from([*words.WAYS, "hit_rate@10", "mrr@10"])
        case msgspec.inspect.NoneType():
            return st.none()
    return FLOATS | TEXT | st.dictionaries(TEXT, st.floats(), max_size=1)


@given(report=drawn(NightReport))
@settings(max_examples=60, deadline=None, phases=QUICK)
def test_any_report(report: NightReport) -> None:
    """Whatever a report holds, the page is whole, and shows no number that is none."""
    page = Page(render(report))
    shown = page.text + " ".join(value for _, value in page.attributes)
    assert not re.search(r"\b(nan|inf|None)\b", shown)
