"""Which values can be somebody's id, and how they are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.errors import ShopalyticError
from shopalytic.identity.ids import ForbiddenId, origin_id, parse_tracking_id, parse_user_ids, sort_user_ids


@pytest.mark.parametrize(
    "value",
    ["null", "undefined", "anonymous", "guest", "0", 0, "[object Object]", "", "   ", "NaN", "None", "nil", "FALSE",
     "true", "Guest ", '"null"', "''", "-1", -1, "00000000-0000-0000-0000-000000000000"],
)  # fmt: skip
def test_values_that_identify_nobody_are_refused(value: Any) -> None:
    with pytest.raises(ForbiddenId) as refusal:
        parse_user_ids(value)
    assert refusal.value.at == "user_id"


@pytest.mark.parametrize(
    "value", [1.5, True, ["17"], {"user_id": {}}, "a\0b", "a\nb", "\ud800", "x" * 256, 10**400]
)
def test_values_that_are_no_ids_are_refused(value: Any) -> None:
    with pytest.raises(ForbiddenId):
        parse_user_ids(value)


@pytest.mark.parametrize("name", ["", " ", "tracking_id", "Tracking_Id", "x" * 65, "a\0", 5])
def test_types_that_cannot_be_are_refused(name: Any) -> None:
    with pytest.raises(ForbiddenId):
        parse_user_ids({name: "17"})


def test_a_refusal_names_the_member_and_is_an_error_of_ours() -> None:
    with pytest.raises(ForbiddenId, match="identifies nobody") as refusal:
        parse_user_ids({"registered": "guest"})
    assert refusal.value.at == "user_id.registered"
    assert isinstance(refusal.value, ShopalyticError)
    assert isinstance(refusal.value, ValueError)


def test_a_plain_id_has_the_type_user_id_and_a_number_becomes_a_text() -> None:
    assert parse_user_ids("  17 ") == {"user_id": "17"}
    assert parse_user_ids(17) == {"user_id": "17"}
    assert parse_user_ids(None) == parse_user_ids({}) == parse_user_ids({"registered": None}) == {}


def test_the_id_that_rows_stand_under_comes_first() -> None:
    given_ids = {"registered": "r", "email": "e@x.example", "user_id": 17}
    assert list(parse_user_ids(given_ids)) == ["user_id", "email", "registered"]


def test_an_email_address_is_the_same_in_any_case_and_other_ids_are_not() -> None:
    assert parse_user_ids({"Email": " Jon@X.example", "crm": "Jon"}) == {
        "email": "jon@x.example",
        "crm": "Jon",
    }


def test_good_ids_stay_beside_refused_ones() -> None:
    ids, refused = sort_user_ids({"registered": "jon", "email": "undefined"})
    assert ids == {"registered": "jon"}
    assert [one.at for one in refused] == ["user_id.email"]


def test_more_ids_than_anybody_has_are_refused() -> None:
    with pytest.raises(ForbiddenId, match="More than 20"):
        parse_user_ids({f"type{number}": "17" for number in range(21)})


def test_a_visitors_id_that_many_pages_would_share_is_refused() -> None:
    assert parse_tracking_id(None) == ""
    assert parse_tracking_id(" t1 ") == "t1"
    with pytest.raises(ForbiddenId) as refusal:
        parse_tracking_id("undefined")
    assert refusal.value.at == "tracking_id"


def test_origins_differ_by_project_type_and_value() -> None:
    origins = {
        origin_id(1, "a", "bc"),
        origin_id(1, "ab", "c"),
        origin_id(2, "a", "bc"),
        origin_id(1, "a", "bd"),
    }
    assert len(origins) == 4
    assert origin_id(1, "a", "bc").version == 5


def test_origins_stay_what_they_are_from_release_to_release() -> None:
    """Stored rows carry them: another value here is history lost."""
    assert str(origin_id(1, "user_id", "17")) == "49159a83-86bc-582d-b873-52aa3e2eef86"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner:
       st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5))  # fmt: skip
def test_anything_that_json_holds_gives_ids_or_a_refusal(value: Any) -> None:
    ids, refused = sort_user_ids(value)
    for id_type, id_value in ids.items():
        assert id_type and id_value == id_value.strip() and 0 < len(id_value) <= 255
    assert all(one.at for one in refused)
