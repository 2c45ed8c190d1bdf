"""A customer's page shows properties with their types, and the values that each of them had."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.web.conftest import Shop


def say(shop: Shop, customer: UUID, at: str, **properties: Any) -> None:
    own = {"visitor": "tid-jon", "origin_id": str(customer), "customer_id": str(customer)}
    shop.happened(
        shop.event(
            event="identify", at=at, user_ids={"user_id": "42"}, properties=properties,
            url="https://shop.example/account", **own,
        )
    )  # fmt: skip


@pytest.fixture
def jon(shop: Shop) -> UUID:
    values = {"city": "Ulm", "age": 41, "member": True, "born": "1985-02-03", "tags": ["a"], "home": {"a": 1}}
    customer = shop.identified("tid-jon", "42", first_name="Jon", **values)
    say(shop, customer, "2026-06-01 10:00:00", city="Bonn")
    say(shop, customer, "2026-06-02 10:00:00", city="Ulm")
    say(shop, customer, "2026-06-03 10:00:00", city="Ulm")
    return customer


def test_the_types_of_the_values_are_shown(shop: Shop, jon: UUID) -> None:
    page = shop.page(f"/customers/{jon}")
    for word in ("text", "number", "true or false", "date", "list", "object"):
        assert f'<span class="trait-type">{word}</span>' in page
    assert f"/customers/{jon}/property?name=city" in page


def test_the_values_are_listed_newest_first_in_the_projects_time_zone(shop: Shop, jon: UUID) -> None:
    page = shop.page(f"/customers/{jon}/property?name=city")
    assert page.index("Ulm <span") < page.index("Bonn <span")
    assert "11:00" in page  # ten o'clock UTC, in London's summer
    assert "again 1 time, the last on 3\N{NO-BREAK SPACE}Jun\N{NO-BREAK SPACE}2026, 11:00" in page
    assert "https://shop.example/account" in page
    assert "<title>" in page


def test_a_page_that_only_wants_the_list_gets_no_more(shop: Shop, jon: UUID) -> None:
    address = f"{shop.base}/customers/{jon}/property?name=city"
    text = shop.client("owner").get(address, headers={"HX-Request": "true"}).text
    assert "Bonn" in text
    assert "<title>" not in text


def test_a_value_whose_message_is_not_kept_says_so(shop: Shop, jon: UUID) -> None:
    page = shop.page(f"/customers/{jon}/property?name=first_name")
    assert "Now: Jon (text)" in page
    assert "not among the events that are kept" in page


@pytest.mark.parametrize("name", ["never_said", "", "%00"])
def test_a_name_that_was_never_said_is_not_found(shop: Shop, jon: UUID, name: str) -> None:
    client = shop.client("owner")
    assert client.get(f"{shop.base}/customers/{jon}/property?name={name}").status_code == 404
    assert client.get(f"{shop.base}/customers/{uuid4()}/property?name=city").status_code == 404
    assert shop.client("stranger").get(f"{shop.base}/customers/{jon}/property?name=city").status_code == 404
