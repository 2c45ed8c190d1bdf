"""A customer's page stops tracking and resumes it; the list of stops says nothing of who it is."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from shopalytic.privacy.stops import StopRecord, list_stops
from tests.web.conftest import Shop, send


@pytest.fixture
def jon(shop: Shop) -> UUID:
    return shop.identified("tid-jon", "42", first_name="Jon", email="jon@shop.example")


def stops(shop: Shop) -> list[StopRecord]:
    return list_stops(shop.parts.sessions, shop.project_id)


def stop(shop: Shop, customer: UUID, word: str = " STOP ") -> int:
    path = f"{shop.base}/customers/{customer}/stop"
    return send(shop.client("owner"), path, path, word=word).status_code


def test_an_owner_sees_which_ids_it_is_about_before_it_is_done(shop: Shop, jon: UUID) -> None:
    assert f"/customers/{jon}/stop" in shop.page(f"/customers/{jon}")
    page = shop.page(f"/customers/{jon}/stop")
    for text in ("tid-jon", "42", "jon@shop.example", "orders too"):
        assert text in page
    assert stops(shop) == []


def test_it_is_done_once_the_word_is_typed_and_shown_on_the_customers_page(shop: Shop, jon: UUID) -> None:
    assert stop(shop, jon, "halt") == 422
    assert stops(shop) == []
    assert stop(shop, jon) == 302
    [row] = stops(shop)
    assert (row.ids, row.asked_by.startswith("user:")) == (3, True)
    page = shop.page(f"/customers/{jon}")
    assert "Not tracked: messages received from" in page
    assert f"/customers/{jon}/resume" in page
    assert f"/customers/{jon}/stop" not in page
    assert "stopped already" in shop.page(f"/customers/{jon}/stop")


def test_the_list_names_who_asked_and_not_who_it_is(shop: Shop, jon: UUID) -> None:
    assert "Everybody is tracked" in shop.page("/erasures")
    stop(shop, jon)
    page = shop.page("/erasures")
    assert "olga@shop.example" in page
    assert "not tracked" in page
    assert "Jon" not in page
    assert "tid-jon" not in page


@pytest.mark.parametrize("where", ["customer", "list"])
def test_it_is_resumed_from_the_customers_page_and_from_the_list(shop: Shop, jon: UUID, where: str) -> None:
    stop(shop, jon)
    client = shop.client("owner")
    page = f"{shop.base}/customers/{jon}" if where == "customer" else f"{shop.base}/erasures"
    action = f"{page}/resume" if where == "customer" else f"{shop.base}/stops/{stops(shop)[0].stop_id}/resume"
    for _ in range(2):
        assert send(client, page, action).status_code == 302
    assert stops(shop)[0].is_over
    assert "Not tracked" not in shop.page(f"/customers/{jon}")


def test_an_id_that_came_later_is_stopped_too_when_asked_again(shop: Shop, jon: UUID) -> None:
    stop(shop, jon)
    assert shop.identified("tid-phone", "42") == jon
    page = shop.page(f"/customers/{jon}")
    assert "with 2 of the 3 ids" in page
    assert stop(shop, jon) == 302
    assert "Not tracked: messages received from" in shop.page(f"/customers/{jon}")
    assert sorted(row.ids for row in stops(shop)) == [1, 3]


def test_a_member_sees_it_but_may_not_change_it(shop: Shop, jon: UUID) -> None:
    stop(shop, jon)
    page = shop.page(f"/customers/{jon}", "member")
    assert "Not tracked" in page
    assert "/resume" not in page
    client = shop.client("member")
    assert client.get(f"{shop.base}/customers/{jon}/stop").status_code == 403


def test_nobody_is_neither_stopped_nor_resumed(shop: Shop, jon: UUID) -> None:
    client, page = shop.client("owner"), f"{shop.base}/customers/{jon}/stop"
    assert client.get(f"{shop.base}/customers/{uuid4()}/stop").status_code == 404
    for action in (f"customers/{uuid4()}/stop", f"customers/{uuid4()}/resume", f"stops/{uuid4()}/resume"):
        assert send(client, page, f"{shop.base}/{action}", word="stop").status_code == 404
