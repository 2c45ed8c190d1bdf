"""Cutting a damaged batch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.collector.split import STEPS_LIMIT, STEPS_PER_MEMBER, Unsplittable, is_deeper, split_batch

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


@given(items=st.lists(values, max_size=8), other=values, indent=st.none() | st.integers(0, 3))
def test_what_is_whole_is_cut_where_a_parser_cuts_it(
    items: list[Any], other: Any, indent: int | None
) -> None:
    body = json.dumps({"token": "t", "events": items, "other": other}, indent=indent).encode()
    members, cut = split_batch(body, 100)
    assert cut is not None
    assert [json.loads(item) for item in cut] == items
    assert {name: json.loads(value) for name, value in members.items()} == {"token": "t", "other": other}


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(value=values)
def test_the_depth_is_that_of_the_value(value: Any) -> None:
    raw = json.dumps(value).encode()
    assert not is_deeper(raw, _depth(value))
    assert is_deeper(raw, _depth(value) - 1)


def test_the_last_of_two_arrays_counts_as_it_does_for_the_decoder() -> None:
    assert split_batch(b'{"events":[1],"events":[2,3]}', 10) == ({}, [b"2", b"3"])


def test_reading_stops_after_one_item_too_many() -> None:
    members, items = split_batch(b'{"token":1,"events":[' + b"{}," * 1000 + b'{}],"after":1}', 10)
    assert (members, items) == ({"token": b"1"}, [b"{}"] * 11)


def test_brackets_are_counted_whatever_their_kind() -> None:
    assert split_batch(b'{"events":[{"a":[}},2],"b":1}', 10)[1] == [b'{"a":[}}', b"2"]
    with pytest.raises(Unsplittable):
        split_batch(b'{"events":[{"a":1}},{"b":2}]}', 10)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{}x", b'{"a"}', b'{"a":1', b'{"events":[', b'{"events":["]}', b"[]"]
)
def test_a_broken_frame_is_not_guessed_at(body: bytes) -> None:
    with pytest.raises(Unsplittable):
        split_batch(body, 10)


def test_an_object_without_events_has_none() -> None:
    assert split_batch(b' { "a" : 1 } ', 10) == ({"a": b"1"}, None)


def test_a_body_made_to_cost_time_is_given_up() -> None:
    with pytest.raises(Unsplittable):
        split_batch(b'{"events":[' + b"[]," * (STEPS_LIMIT + 1) + b"1]}", STEPS_LIMIT * 2)
    with pytest.raises(Unsplittable):
        split_batch(b"{" + b'"a":1,' * (STEPS_LIMIT // STEPS_PER_MEMBER) + b'"events":[]}', 10)
