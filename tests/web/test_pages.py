"""What the pages show of what happened."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from uuid import uuid4

import pytest

from shopalytic.accounts.keys import hash_secret_key, list_keys, list_tokens
from shopalytic.accounts.models import Project
from shopalytic.identity.ids import origin_id
from shopalytic.store import Store
from tests.factories import make_order
from tests.web.conftest import TOKEN, Shop, send

PATHS = ["/", "/live", "/customers", "/quarantine", "/violations", "/settings"]


def since(seconds: float) -> str:
    return f"{datetime.now(UTC) - timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}.000"


@pytest.mark.parametrize("path", ["/", "/live", "/customers"])
def test_an_empty_page_shows_the_snippet(shop: Shop, path: str) -> None:
    page = shop.page(path)
    assert TOKEN in page
    assert "http://localhost/shopalytic.v1.js" in page
    assert "__SHOPALYTIC_" not in page


@pytest.mark.parametrize("path", PATHS)
def test_no_page_needs_what_its_policy_forbids(shop: Shop, path: str) -> None:
    order = make_order(order_id="1001", **_mine(shop))
    shop.happened(shop.event(title='<script>alert("x")</script>', violations=["missing:sku"]), order)
    shop.identified("tid-anna", "42", first_name="<img src=x onerror=alert(1)>")
    assert forbidden_in(shop.page(path)) == []


def test_an_event_is_shown_with_its_properties_and_its_customers_name(shop: Shop) -> None:
    customer = shop.identified("tid-anna", "42", first_name="Anna", last_name="Keller")
    shop.happened(
        shop.event(event="product_view", sku="22196", product_name="Heart holder", price="4.95",
                   properties={"colour": "red"}, browser="Firefox")
    )  # fmt: skip
    page = shop.page("/live")
    for text in ("Product viewed", "Heart holder · £4.95", "Anna Keller", "colour", "red", "Firefox"):
        assert text in page
    assert f"{shop.base}/customers/{customer}" in page


def test_static_files_are_kept_for_as_long_as_they_are_the_same(shop: Shop) -> None:
    address = re.search(r'href="(/static/dashboard.css[^"]+)"', shop.page("/"))
    assert address
    assert _kept(shop, address[1]) == "public, max-age=31536000, immutable"
    for stale in ("/static/dashboard.css", "/static/dashboard.css?v=0123456789"):
        assert "immutable" not in _kept(shop, stale)


def _kept(shop: Shop, address: str) -> str:
    with shop.client().get(address) as response:
        return response.headers["Cache-Control"]


def test_what_the_policy_forbids_would_be_found() -> None:
    page = "<style>a{}</style><p style='x'>&lt;b onclick=1&gt;</p><script>1</script><a href='javascript:1' onclick='1'>"
    assert len(forbidden_in(page)) == 4


def test_hostile_text_stays_text(shop: Shop) -> None:
    shop.happened(shop.event(title='"><script>alert(1)</script>', properties={"<b>": "<i>"}))
    page = shop.page("/live")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_live_page_can_be_filtered_by_event(shop: Shop) -> None:
    shop.happened(shop.event(title="Welcome page"), shop.event(event="search", title="Search page"))
    page = shop.page("/live?event=search")
    assert "Search page" in page
    assert "Welcome page" not in page
    assert '<option value="page_view"' in page


def test_older_events_are_a_page_further(shop: Shop) -> None:
    shop.happened(*(shop.event(at=f"2026-01-15 12:00:{n:02}", title=f"Page {n:02}") for n in range(60)))
    first = shop.page("/live")
    assert "Page 59" in first
    assert "Page 09" not in first
    older = re.search(r'href="[^"]*(/live\?[^"]*cursor=[^"]+)"', first)
    assert older
    assert "Page 09" in shop.page(older[1].replace("&amp;", "&"))


def test_a_poll_gives_what_was_stored_since(shop: Shop) -> None:
    shop.happened(
        shop.event(title="Before", stored_at=since(3600), received_at=since(3600)),
        shop.event(title="Just now", stored_at=since(1), received_at=since(1)),
        shop.event(title="Late", at="2026-01-15 12:00:00", stored_at=since(1), received_at=since(1)),
    )
    page = shop.page(f"/live/new?since={since(5)}")
    assert "Just now" in page
    assert "Late" in page
    assert "Before" not in page
    assert "<html" not in page


def test_each_poll_says_where_the_next_begins(shop: Shop) -> None:
    page = shop.page(f"/live/new?since={since(600)}&event=order")
    asked = re.search(r'hx-get="[^"]*since=([^&"]+)&amp;event=order"', page)
    assert asked
    begins = datetime.fromisoformat(asked[1].replace("+", " ")).replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - begins) < timedelta(seconds=60)
    assert 'hx-swap-oob="true"' in page


@pytest.mark.parametrize("path", ["/live/new", "/live/new?since=x", "/live?cursor=x", "/customers/%00x"])
def test_a_wrong_address_is_refused_not_broken(shop: Shop, path: str) -> None:
    assert shop.client("owner").get(shop.base + path).status_code in (400, 404)


def test_the_customers_seen_last_are_listed(shop: Shop) -> None:
    shop.identified("tid-anna", "42", first_name="Anna", last_name="Keller")
    order = make_order(order_id="1001", total="12.50", **_mine(shop))
    shop.happened(order, shop.event(visitor="tid-nobody-c0ffee"))
    page = shop.page("/customers")
    assert "Anna Keller" in page
    assert "£12.50" in page
    assert "Visitor c0ffee" in page


@pytest.mark.parametrize("text", ["42", "anna", "Anna Kel", "ANNA@mail.example", "tid-anna"])
def test_a_customer_is_found_by_any_id_address_or_name(shop: Shop, text: str) -> None:
    shop.identified("tid-anna", "42", first_name="Anna", last_name="Keller", email="anna@mail.example")
    shop.identified("tid-ben", "43", first_name="Ben")
    page = shop.page(f"/customers?q={text}")
    assert "Anna Keller" in page
    assert "Ben" not in page


def test_a_visitor_who_never_said_who_he_is_is_found_by_his_tracking_id(shop: Shop) -> None:
    event = shop.event(visitor="tid-nobody-c0ffee")
    shop.happened(event)
    assert f"/customers/{event.customer_id}" in shop.page("/customers?q=tid-nobody-c0ffee")
    assert "Nobody has an id" in shop.page("/customers?q=tid-somebody")


def test_a_customers_page_tells_ids_reasons_properties_and_history(shop: Shop) -> None:
    customer = shop.identified("tid-anna", "42", first_name="Anna", country="GBR")
    at = "2026-01-15 12:00:00"
    shop.happened(
        shop.event(at=at, title="Welcome", session_id="one", referrer_domain="google.com"),
        shop.event(at="2026-01-15 12:10:00", title="Lantern", session_id="one"),
        make_order(order_id="1001", total="12.50", **_mine(shop)),
    )
    page = shop.page(f"/customers/{customer}")
    for text in (
        "42",
        "tid-anna",
        "since 15",
        "country",
        "GBR",
        "£12.50",
        "Welcome",
        "Lantern",
        "via google.com",
    ):
        assert text in page, text
    assert "identify(&#39;42&#39;) linked browser <code>tid-anna</code> with user_id <code>42</code>" in page
    assert "10\N{NO-BREAK SPACE}min" in page


def test_times_are_those_of_the_projects_zone(shop: Shop) -> None:
    event = shop.event(at="2026-07-01 12:00:00")
    shop.happened(event)
    page = shop.page(f"/customers/{event.customer_id}")
    assert "1\N{NO-BREAK SPACE}Jul\N{NO-BREAK SPACE}2026, 13:00" in page
    assert "Europe/London" in page


def test_the_same_reason_said_again_is_told_once(shop: Shop) -> None:
    shop.identified("tid-anna", "42")
    customer = shop.identified("tid-anna", "42")
    assert shop.page(f"/customers/{customer}").count("linked browser") == 1


def test_an_earlier_address_of_a_customer_leads_to_the_present_one(shop: Shop) -> None:
    """Somebody kept the address of a visitor's page, and the visitor turned out to be a known customer."""
    visitor = origin_id(shop.project_id, "tracking_id", "tid-second")
    customer = shop.identified("tid-first", "42")
    shop.happened(shop.event(visitor="tid-second", customer_id=str(customer)))
    response = shop.client("owner").get(f"{shop.base}/customers/{visitor}")
    assert (response.status_code, response.location) == (302, f"{shop.base}/customers/{customer}")


def test_an_unknown_customer_is_not_found(shop: Shop) -> None:
    assert shop.client("owner").get(f"{shop.base}/customers/{uuid4()}").status_code == 404


def test_the_overview_shows_the_reports_figures(shop: Shop) -> None:
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d} 12:00:00"
    shop.happened(
        make_order(order_id="1001", total="12.50", **_mine(shop, at=yesterday)),
        make_order(order_id="1002", total="1000.00", **_mine(shop, at=yesterday)),
    )
    page = shop.page("/?days=7")
    for text in ("£1,012.50", "£506.25", "7 days"):
        assert text in page, text


def test_an_unknown_period_is_thirty_days(shop: Shop) -> None:
    shop.happened(shop.event())
    assert 'days=30" aria-current=true' in shop.page("/?days=5000")


def test_a_store_that_does_not_answer_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Store("http://127.0.0.1:1", "nowhere")
    monkeypatch.setattr("shopalytic.store.client.Store.rows", broken.rows)
    response = shop.client("owner").get(f"{shop.base}/live")
    assert response.status_code == 503
    assert "The event store does not answer" in response.text
    assert response.headers["Retry-After"]


def test_the_switcher_lists_the_users_projects_only(shop: Shop) -> None:
    with shop.parts.sessions.begin() as db:
        db.add(Project(name="Somebody else's", origins=[]))
    page = shop.page("/")
    assert "My shop" in page
    assert "Somebody else" not in page


def test_a_new_secret_key_is_shown_once(shop: Shop) -> None:
    client = shop.client("owner")
    page = send(client, f"{shop.base}/settings", f"{shop.base}/settings/keys", kind="secret").text
    secret = re.search(r"sha_sec_[A-Za-z0-9]{40}", page)
    assert secret
    with shop.parts.sessions() as db:
        assert hash_secret_key(secret[0]) in [key.value for key in list_keys(db, shop.project_id)]
    again = client.get(f"{shop.base}/settings").text
    assert secret[0] not in again
    assert secret[0][:12] in again


def test_a_rotated_token_is_in_the_snippet_at_once(shop: Shop) -> None:
    client = shop.client("owner")
    with shop.parts.sessions() as db:
        (key,) = list_keys(db, shop.project_id)
    page = send(client, f"{shop.base}/settings", f"{shop.base}/settings/keys/{key.id}/rotate").text
    with shop.parts.sessions() as db:
        (token,) = list_tokens(db, shop.project_id)
    assert token != TOKEN
    assert f"init(&#34;{token}&#34;)" in page


def test_a_project_without_a_token_says_so(shop: Shop) -> None:
    client = shop.client("owner")
    with shop.parts.sessions() as db:
        (key,) = list_keys(db, shop.project_id)
    send(client, f"{shop.base}/settings", f"{shop.base}/settings/keys/{key.id}/revoke")
    assert "All tokens are revoked" in client.get(f"{shop.base}/settings").text
    assert "All tokens of this project are revoked" in client.get(f"{shop.base}/live").text


def test_origins_are_saved_as_browsers_send_them(shop: Shop) -> None:
    lines = "https://Shop.example/\r\n\r\nhttp://localhost:3000"
    response = send(
        shop.client("owner"), f"{shop.base}/settings", f"{shop.base}/settings/origins", origins=lines
    )
    assert response.status_code == 302
    with shop.parts.sessions() as db:
        project = db.get_one(Project, shop.project_id)
        assert project.origins == ["https://shop.example", "http://localhost:3000"]


def test_a_wrong_origin_is_named_and_what_was_typed_is_kept(shop: Shop) -> None:
    response = send(
        shop.client("owner"),
        f"{shop.base}/settings",
        f"{shop.base}/settings/origins",
        origins="shop.example/x",
    )
    assert response.status_code == 422
    assert "must begin with https://" in response.text
    assert "shop.example/x</textarea>" in response.text


def test_name_zone_and_currency_are_saved(shop: Shop) -> None:
    form = {"name": "The Shop", "time_zone": "Asia/Tokyo", "currency": "JPY"}
    send(shop.client("owner"), f"{shop.base}/settings", f"{shop.base}/settings/general", **form)
    with shop.parts.sessions() as db:
        project = db.get_one(Project, shop.project_id)
        assert (project.name, project.time_zone, project.currency) == ("The Shop", "Asia/Tokyo", "JPY")


def test_a_wrong_zone_saves_nothing(shop: Shop) -> None:
    form = {"name": "The Shop", "time_zone": "Mars/Olympus", "currency": "JPY"}
    response = send(shop.client("owner"), f"{shop.base}/settings", f"{shop.base}/settings/general", **form)
    assert response.status_code == 422
    with shop.parts.sessions() as db:
        assert db.get_one(Project, shop.project_id).name == "My shop"


def _mine(shop: Shop, at: str = "2026-01-15 12:05:00") -> dict[str, object]:
    owner = str(origin_id(shop.project_id, "tracking_id", "tid-anna"))
    return {
        "project_id": shop.project_id,
        "visitor": "tid-anna",
        "at": at,
        "origin_id": owner,
        "customer_id": owner,
    }


class Forbidden(HTMLParser):
    """Collects what the Content-Security-Policy keeps a browser from running or applying."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_inline = tag == "style" or (tag == "script" and "src" not in given)
        bad = [name for name in given if name == "style" or name.startswith("on")]
        if is_inline or bad or (given.get("href") or "").startswith("javascript:"):
            self.found.append(self.get_starttag_text() or tag)


def forbidden_in(page: str) -> list[str]:
    parser = Forbidden()
    parser.feed(page)
    return parser.found
