"""What the JSON column would change or refuse is kept beside it, and everything reads back as it was sent."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.events import column
from shopalytic.events.column import PATHS_LIMIT, REST, TooDeep, merge, split

decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


def stored(sent: str) -> dict[str, Any]:
    """The column after its way through JSON text to the store and back."""
    read: dict[str, Any] = json.loads(msgspec.json.encode(split(decode(sent))))
    return read


@pytest.mark.parametrize(
    "sent",
    [
        '{"a": "text", "b": 1, "c": true, "d": 9.99, "e": -0.5}',
        '{"a": {"b": {"c": [1, 2, 3]}}}',
        '{"a": ["x", null, "y"], "b": [1, null], "c": [], "d": [1, 2.5]}',
        '{"a": [{"b": 1}, {"c": "x"}, {}]}',
        '{"größe": 1, "with space": 2, "$dollar": 3}',
        '{"a": 18446744073709551615, "b": -9223372036854775808}',
    ],
)
def test_what_the_column_holds_faithfully_stands_in_it(sent: str) -> None:
    assert split(decode(sent)) == json.loads(sent)


@pytest.mark.parametrize(
    ("sent", "plain"),
    [
        ('{"a": 1, "a.b": 2}', {"a": 1}),
        ('{"a": {"b": 3}, "a.b": 2}', {"a": {"b": 3}}),
        ('{"": 1}', {}),
        ('{"a": {"": 1, "b": 2}}', {"a": {"b": 2}}),
        ('{"a": null, "b": {"c": null, "d": 1}}', {"b": {"d": 1}}),
        ('{"a": {}}', {}),
        ('{"a": 18446744073709551616, "b": -9223372036854775809}', {}),
        ('{"a": [9223372036854775808, -1]}', {}),
        ('{"a": [1, "x"], "b": [true, 1], "c": [[1]], "d": [{"x.y": 1}], "e": [null]}', {}),
        ('{"a": [9007199254740993, 0.5]}', {}),
        ('{"' + "k" * 101 + '": 1, "n\\u0000ul": 2, "back`tick": 3}', {}),
        ('{"_rest": "mine", "_context": {"a": 1}, "_event": 5, "a": {"_rest": {"b": null}}}', {}),
    ],
)
def test_what_the_column_would_change_stands_beside_it_and_reads_back(
    sent: str, plain: dict[str, Any]
) -> None:
    column_value = stored(sent)
    assert {name: value for name, value in column_value.items() if name != REST} == plain
    assert merge(column_value) == json.loads(sent)


@pytest.mark.parametrize(
    "number", ["1e400", "1e-400", "0.1000000000000000055511151231257827", "123456789.123456789123456789"]
)
def test_a_fraction_that_no_double_holds_reads_back_as_text(number: str) -> None:
    [read] = merge(stored(f'{{"a": {number}}}')).values()
    assert isinstance(read, str)
    assert Decimal(read) == Decimal(number)


def test_a_thousand_properties_add_no_thousand_paths() -> None:
    sent = {f"p{number}": number for number in range(1000)}
    column_value = split(dict(sent))
    assert len(column_value) == PATHS_LIMIT + 1
    assert merge(column_value) == sent


def nested(levels: int, kind: str) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels - 1):
        value = {"a": value} if kind == "object" else [value]
    return {"a": value}


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize("kind", ["object", "array"])
@pytest.mark.parametrize("levels", [10, 49, 50, 51, 99])
def test_deep_nesting_becomes_text_and_reads_back(levels: int, kind: str) -> None:
    column_value = split(nested(levels, kind))
    assert depth_of(column_value) <= column.DEPTH_LIMIT
    assert merge(column_value) == nested(levels, kind)


@pytest.mark.parametrize("kind", ["object", "array"])
@pytest.mark.parametrize("levels", [102, 900])
def test_nesting_without_end_is_refused(levels: int, kind: str) -> None:
    with pytest.raises(TooDeep):
        split(nested(levels, kind))


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=6)
keys = st.sampled_from(["a", "b", "a.b", "", "_rest", "_context", "b c"]) | st.text(max_size=4)
anything = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: round(number, 3)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, anything, max_size=6))
def test_any_object_reads_back_as_it_was_sent(sent: dict[str, Any]) -> None:
    text = json.dumps(sent, ensure_ascii=True)
    assert merge(stored(text)) == json.loads(text)


@given(st.dictionaries(keys, anything, max_size=6))
def test_nothing_in_the_column_can_make_an_insert_fail(sent: dict[str, Any]) -> None:
    def check(value: Any, depth: int) -> None:
        assert depth <= column.DEPTH_LIMIT
        if isinstance(value, dict):
            for name, item in value.items():
                assert name
                assert "." not in name
                assert item is not None
                assert item != {} or depth > 1
                check(item, depth + 1)
        elif isinstance(value, list):
            assert not {bool, int} <= {type(item) for item in value}
            for item in value:
                assert not isinstance(item, list)
                if isinstance(item, dict):
                    check(item, depth + 2)
        elif isinstance(value, int):
            assert -(2**63) <= value < 2**64

    check(split(decode(json.dumps(sent))), 0)
