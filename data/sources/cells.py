"""Cells: columns of values that need not be of one type, as Arrow arrays and back."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_JSON: Final = pa.json_()
_ONE_TYPE: Final = {
    frozenset({str}): pa.string(),
    frozenset({int}): pa.int64(),
    frozenset({float}): pa.float64(),
    frozenset({bool}): pa.bool_(),
}
_NUMBERS: Final = frozenset({int, float})
IDS: Final = ("user", "video")


def column_of(name: str, values: Sequence[object]) -> pa.Array:
    """Make a column out of Python objects, changing none of them.

    Parameters
    ----------
    name
        Of the column: in ``watch_ratio`` and ``rating`` whole numbers are numbers like others.
    values
        Of any type; None is a missing one.

    Returns
    -------
    An array of text, int64, float64 or bool if all values are such, of null if all are None, and
    otherwise of Arrow's type ``json``.
    """
    types = frozenset(map(type, values)) - {type(None)}
    kind = _ONE_TYPE.get(types, pa.null() if not types else None)
    if types == _NUMBERS and name in ("watch_ratio", "rating"):
        kind = pa.float64()
    # Half of a surrogate pair is no UTF-8, and a whole number may have hundreds of digits.
    with suppress(pa.ArrowException, OverflowError, UnicodeEncodeError):
        if kind is not None:
            return pa.array(values, kind)
    texts = [None if value is None else json.dumps(value, default=_no_json) for value in values]
    return pa.ExtensionArray.from_storage(_JSON, pa.array(texts, pa.string()))


def _no_json(value: object) -> object:
    """Stand in for what JSON can't say, so that nobody takes it for text or a number."""
    return {type(value).__name__: repr(value)}


def python_values(values: pa.Array) -> list[object]:
    """Turn a column into Python objects; text that is not UTF-8 becomes bytes."""
    if is_json(values.type):
        return [None if text is None else json.loads(text) for text in values.storage.to_pylist()]
    try:
        return list(values.to_pylist())
    except UnicodeDecodeError:
        plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        raw = plain.cast(pa.binary()).to_pylist()
        return [None if value is None else _text_or_bytes(value) for value in raw]


def _text_or_bytes(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def is_json(kind: pa.DataType) -> bool:
    """Tell the type of columns whose cells are of several types."""
    return isinstance(kind, pa.JsonType)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type holds text; bytes may be text as well."""
    return _any_of(kind, (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a type holds numbers; a truth value is none."""
    return _any_of(kind, (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))


def _any_of(kind: pa.DataType, tests: Iterable[object]) -> bool:
    return any(test(kind) for test in tests)  # type: ignore[operator]  # pyarrow has no types


def can_be_id(kind: pa.DataType) -> bool:
    """Tell whether a column of this type may hold ids: text, bytes of text, or whole numbers."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    others = (pa.types.is_integer, pa.types.is_null, pa.types.is_binary, pa.types.is_large_binary)
    return is_text(kind) or _any_of(kind, others)


def ids_as_text(name: str, values: pa.Array) -> pa.Array:
    """Turn ids that are a typed column of whole numbers, or of bytes, into text.

    Other columns, and ids of other types, are left as they are.
    """
    if name not in IDS or not can_be_id(values.type) or pa.types.is_null(values.type):
        return values
    if pa.types.is_dictionary(values.type):
        if is_text(values.type.value_type):
            return values
        texts = ids_as_text(name, values.dictionary)
        return pa.DictionaryArray.from_arrays(values.indices, texts)
    if pa.types.is_integer(values.type):
        coded = values.dictionary_encode()
        return pa.DictionaryArray.from_arrays(coded.indices, coded.dictionary.cast(pa.string()))
    # What is not UTF-8 is for the judge to see.
    return values if is_text(values.type) else pc.cast(values, pa.string(), safe=False)
