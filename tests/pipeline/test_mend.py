from __future__ import annotations

import pytest

from shopalytic.pipeline.mend import mend, parse_rule


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (("rename", "name", "event"), b'{"name":"search","a":1}', b'{"a":1,"event":"search"}'),
        (("rename", "name", "event"), b'{"name":"search","event":null}', b'{"event":"search"}'),
        (("rename", "id", "properties.sku"), b'{"id":"A"}', b'{"properties":{"sku":"A"}}'),
        (("default", "event", "search"), b'{"a":1}', b'{"a":1,"event":"search"}'),
        (("default", "properties.qty", "2"), b'{"properties":{}}', b'{"properties":{"qty":2}}'),
        (("default", "session_id", '"42"'), b'{"session_id":null}', b'{"session_id":"42"}'),
        (("number", "timestamp", ""), b'{"timestamp":" 1768478400 "}', b'{"timestamp":1768478400}'),
        (
            ("number", "properties.total", ""),
            b'{"properties":{"total":"9.90"}}',
            b'{"properties":{"total":9.90}}',
        ),
    ],
)
def test_a_rule_changes_what_it_names_and_nothing_else(
    rule: tuple[str, str, str], before: bytes, after: bytes
) -> None:
    assert mend(before, parse_rule(*rule)) == after


def test_numbers_beside_what_is_mended_stay_exact() -> None:
    before = b'{"event":null,"properties":{"total":1234567890.10,"id":123456789012345678}}'
    after = mend(before, parse_rule("default", "event", "order"))
    assert after is not None
    assert after == before.replace(b"null", b'"order"')


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (("rename", "name", "event"), b'{"name":"a","event":"b"}'),
        (("rename", "name", "event"), b"{}"),
        (("rename", "name", "properties.x"), b'{"name":"a","properties":[]}'),
        (("default", "event", "search"), b'{"event":"a"}'),
        (("default", "properties.sku", "A"), b'{"properties":"a text"}'),
        (("number", "timestamp", ""), b'{"timestamp":"never"}'),
        (("number", "timestamp", ""), b'{"timestamp":"NaN"}'),
        (("number", "timestamp", ""), b'{"timestamp":"1e999"}'),
        (("number", "timestamp", ""), b'{"timestamp":5}'),
        (("default", "event", "search"), b"[1]"),
        (("default", "event", "search"), b'{"event'),
    ],
)
def test_where_a_rule_does_not_fit_nothing_is_changed(rule: tuple[str, str, str], message: bytes) -> None:
    assert mend(message, parse_rule(*rule)) is None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (("delete", "event", ""), "a rule renames"),
        (("rename", "event", ""), "named like"),
        (("rename", "a", "a.b"), "into itself"),
        (("default", "event", " "), "needs a value"),
        (("number", "a..b", ""), "named like"),
        (("default", "user_id.email", "a@b.example"), "one customer's"),
        (("default", "properties.order_id", "1001"), "one order"),
        (("default", "message_id", "m"), "has no default"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_is_wrong(rule: tuple[str, str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_rule(*rule)
