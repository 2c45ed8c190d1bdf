"""A customer's page exports, anonymises and forgets; the list of erasures says nothing of who it was."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest

from shopalytic.accounts.models import Erasure
from shopalytic.events.event import Event
from shopalytic.privacy.record import list_erasures
from tests.factories import make_order
from tests.web.conftest import Shop, send


@pytest.fixture
def jon(shop: Shop) -> UUID:
    customer = shop.identified("tid-jon", "42", first_name="Jon", last_name="Snow")
    own = {"visitor": "tid-jon", "origin_id": str(customer), "customer_id": str(customer)}
    order: Event = make_order(order_id="17", total="12.50", project_id=shop.project_id, **own)
    shop.happened(order, shop.event(visitor="tid-jon"))
    return customer


def address(shop: Shop, customer: UUID, kind: str) -> str:
    return f"{shop.base}/customers/{customer}/erase/{kind}"


def erasures(shop: Shop) -> list[Erasure]:
    return list_erasures(shop.parts.sessions, shop.project_id)


@pytest.mark.parametrize("kind", ["anonymise", "forget"])
def test_an_owner_sees_what_it_is_about_before_it_is_done(shop: Shop, jon: UUID, kind: str) -> None:
    assert f"/customers/{jon}/erase/{kind}" in shop.page(f"/customers/{jon}")
    page = shop.page(f"/customers/{jon}/erase/{kind}")
    assert "Jon Snow" in page
    assert "£12.50" in page
    assert erasures(shop) == []


@pytest.mark.parametrize("kind", ["anonymise", "forget"])
def test_it_is_recorded_once_the_word_is_typed(shop: Shop, jon: UUID, kind: str) -> None:
    client, path = shop.client("owner"), address(shop, jon, kind)
    answer = send(client, path, path, word=f" {kind.upper()} ")
    assert answer.status_code == 302
    [row] = erasures(shop)
    assert (row.kind, row.asked_by.startswith("user:")) == (kind, True)
    page = client.get(answer.location).text
    assert row.id in page
    assert "olga@shop.example" in page
    assert "Jon" not in page


@pytest.mark.parametrize("word", ["", "yes", "forget me"])
def test_another_word_changes_nothing(shop: Shop, jon: UUID, word: str) -> None:
    path = address(shop, jon, "forget")
    answer = send(shop.client("owner"), path, path, word=word)
    assert answer.status_code == 422
    assert "Type forget to confirm." in answer.text
    assert erasures(shop) == []


def test_a_form_without_its_token_changes_nothing(shop: Shop, jon: UUID) -> None:
    answer = shop.client("owner").post(address(shop, jon, "forget"), data={"word": "forget"})
    assert answer.status_code == 400
    assert erasures(shop) == []


def test_a_second_click_begins_nothing_new_and_the_other_kind_is_refused(shop: Shop, jon: UUID) -> None:
    client, path = shop.client("owner"), address(shop, jon, "forget")
    for _ in range(2):
        assert send(client, path, path, word="forget").status_code == 302
    assert len(erasures(shop)) == 1
    other = address(shop, jon, "anonymise")
    answer = send(client, other, other, word="anonymise")
    assert answer.status_code == 422
    assert "being erased already" in answer.text


def test_a_member_may_export_but_not_erase(shop: Shop, jon: UUID) -> None:
    page = shop.page(f"/customers/{jon}", "member")
    assert "/erase/" not in page
    assert f"/customers/{jon}/export" in page
    client = shop.client("member")
    assert client.get(address(shop, jon, "forget")).status_code == 403
    assert client.get(f"{shop.base}/customers/{jon}/export").status_code == 200


def test_the_export_is_a_file_with_all_that_is_known(shop: Shop, jon: UUID) -> None:
    answer = shop.client("owner").get(f"{shop.base}/customers/{jon}/export")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="customer-{jon}.json"'
    found = json.loads(answer.data)
    assert {one["value"] for one in found["ids"]} == {"tid-jon", "42"}
    assert {(one["name"], one["value"]) for one in found["properties"]} == {
        ("first_name", "Jon"), ("last_name", "Snow"),
    }  # fmt: skip
    assert sorted(one["event"] for one in found["events"]) == ["order", "page_view"]


def test_nobody_is_neither_erased_nor_exported(shop: Shop) -> None:
    client = shop.client("owner")
    assert client.get(address(shop, uuid4(), "forget")).status_code == 404
    assert client.get(f"{shop.base}/customers/{uuid4()}/export").status_code == 404
    assert client.get(f"{shop.base}/customers/{uuid4()}/erase/burn").status_code == 404


def test_the_list_says_that_nobody_was_erased_yet(shop: Shop) -> None:
    assert "Nobody was anonymised or forgotten yet" in shop.page("/erasures")
    assert "/erasures" in shop.page("/settings")
