from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from shopalytic.demo.history import make_history
from shopalytic.demo.shop import create_shop
from shopalytic.settings import Settings
from shopalytic.snippet import render_snippet

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    snippet = render_snippet(Settings(), "http://collector.test", "tok")
    return create_shop(tmp_path, snippet=snippet, secret_key="x").test_client()


def register(client: FlaskClient) -> None:
    form = {"email": "A@shop.example", "first_name": "A", "last_name": "B", "password": "secret1"}
    assert client.post("/register", data=form).status_code == 302


def order(client: FlaskClient) -> str:
    client.post("/cart", data={"sku": "22632", "add": 2})
    return client.post("/checkout", data={"city": "London", "zipcode": "N1"}).headers["Location"]


def test_every_page_carries_the_snippet_with_the_projects_token(client: FlaskClient) -> None:
    for path in ("/", "/product/22632", "/cart", "/register", "/sign-in", "/nowhere"):
        page = client.get(path).text
        assert 'src="http://collector.test/shopalytic.v1.js"' in page, path
        assert 'init("tok")' in page, path


def test_a_product_put_into_the_cart_is_told_on_the_next_page_and_once(client: FlaskClient) -> None:
    client.post("/cart", data={"sku": "22632", "add": 2})
    assert '"cart_add"' in client.get("/cart").text
    assert '"cart_add"' not in client.get("/cart").text


def test_a_changed_quantity_is_told_as_the_new_one(client: FlaskClient) -> None:
    client.post("/cart", data={"sku": "22632", "add": 2})
    client.get("/cart")
    client.post("/cart", data={"sku": "22632", "qty": 0})
    page = client.get("/cart").text
    assert '"cart_modify"' in page and '"qty": 0' in page
    assert "Your cart is empty" in page


def test_registration_is_told_with_the_customers_id_before_it(client: FlaskClient) -> None:
    register(client)
    page = client.get("/").text
    assert page.index('identify("demo-1"') < page.index('"account_register"')
    assert "a@shop.example" in page


def test_an_address_that_has_an_account_is_told_so(client: FlaskClient) -> None:
    register(client)
    client.post("/sign-out")
    again = client.post(
        "/register",
        data={"email": "a@shop.example", "first_name": "C", "last_name": "D", "password": "secret2"},
    )
    assert again.status_code == 422
    assert "has an account already" in again.text


def test_the_thank_you_page_opened_twice_tells_the_same_order(client: FlaskClient) -> None:
    location = order(client)
    first, second = client.get(location).text, client.get(location).text
    assert "track('order'" in first and "track('order'" in second
    assert "£8.15" in first
    assert client.post("/checkout").headers["Location"] == location


def test_a_second_browser_cannot_see_somebody_elses_order(client: FlaskClient) -> None:
    location = order(client)
    assert client.application.test_client().get(location).status_code == 404


def test_a_wrong_password_is_refused_and_a_right_one_greets(client: FlaskClient) -> None:
    register(client)
    client.post("/sign-out")
    wrong = client.post("/sign-in", data={"email": "a@shop.example", "password": "nope"})
    assert wrong.status_code == 422 and "wrong" in wrong.text
    client.post("/sign-in", data={"email": "a@shop.example", "password": "secret1"})
    assert "Hello, A" in client.get("/").text


def test_the_history_is_the_same_for_the_same_seed() -> None:
    assert make_history(NOW, days=5) == make_history(NOW, days=5)


def test_the_history_is_a_plausible_shop() -> None:
    moments = make_history(NOW)
    assert all(moment.at < NOW for moment in moments)
    assert moments == sorted(moments, key=lambda moment: moment.at)
    assert len({moment.message["message_id"] for moment in moments}) == len(moments)
    events = Counter(moment.message.get("event", "identify") for moment in moments)
    assert (
        events["page_view"]
        > events["product_view"]
        > events["cart_add"]
        > events["order"]
        > events["refund"]
        > 0
    )
    assert (NOW - moments[0].at).days >= 88


def test_the_historys_orders_add_up() -> None:
    for moment in make_history(NOW, days=20):
        if moment.message.get("event") == "order":
            facts = moment.message["properties"]
            lines = sum(Decimal(line["price"]) * line["qty"] for line in facts["line_items"])
            assert Decimal(facts["subtotal"]) == lines
            assert Decimal(facts["total"]) == lines + Decimal(facts["total_shipping"])
