"""A customer's page tells how its ids hang together, and lets it be undone, split and merged."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from shopalytic.accounts.keys import hash_secret_key
from shopalytic.accounts.models import Key, Link, Project
from shopalytic.events.event import Event
from shopalytic.identity.decisions import undo_link
from shopalytic.identity.ids import origin_id
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.strip import read_holdings, strip_customer
from shopalytic.pipeline.overrides import send_overrides
from shopalytic.reports.customer_summary import customer_summaries
from shopalytic.reports.project import Project as ProjectValues
from tests.factories import make_order
from tests.web.conftest import CSRF, EMAILS, Shop
from tests.web.test_pages import forbidden_in

AT = datetime(2026, 5, 3, 9, 12, 41, tzinfo=UTC)


def said(
    shop: Shop,
    kind: Literal["identify", "alias"],
    visitor: str,
    user: object = None,
    *,
    minute: int = 0,
    url: str = "",
    cause: str = "",
) -> UUID:
    """The ledger hears a message; gives whose it is."""
    ids = user if isinstance(user, dict) else {"user_id": str(user)}
    sighting = Sighting(
        kind,
        visitor,
        ids,
        AT + timedelta(minutes=minute),
        f"m-{uuid4()}",
        cause=cause or kind,
        url=url,
    )
    with shop.parts.sessions.begin() as db:
        return resolve(db, shop.project_id, [sighting])[0].customer_id


def bought(shop: Shop, visitor: str, order_id: str, total: str) -> Event:
    own = origin_id(shop.project_id, "tracking_id", visitor)
    return make_order(
        order_id=order_id, total=total, project_id=shop.project_id, visitor=visitor, origin_id=str(own),
        customer_id=str(own), at="2026-05-03 10:00:00",
    )  # fmt: skip


def own(shop: Shop, id_type: str, value: str) -> UUID:
    return origin_id(shop.project_id, id_type, value)


def identity(shop: Shop, customer: UUID, more: str = "") -> str:
    return f"{shop.base}/customers/{customer}/identity{more}"


def link_id(shop: Shop, visitor: str) -> int:
    with shop.parts.sessions() as db:
        query = select(Link.id).where(Link.project_id == shop.project_id, Link.tracking_id == visitor)
        return db.scalars(query.order_by(Link.id)).first() or 0


def count_decisions(shop: Shop) -> int:
    with shop.parts.sessions() as db:
        of_project = Link.project_id == shop.project_id
        query = select(func.count(Link.message_id.distinct())).where(of_project, Link.decided_by != "")
        return db.scalar(query) or 0


def summary(shop: Shop, customer: UUID, *visitors: str) -> tuple[int, str]:
    """(orders, revenue) as every report reads them."""
    origins = [own(shop, "tracking_id", visitor) for visitor in visitors]
    project = ProjectValues(shop.project_id, "Europe/London", "GBP")
    found = customer_summaries(shop.parts.store, project, origins).get(customer)
    return (found.orders, f"{found.revenue:.2f}") if found else (0, "0.00")


@pytest.fixture
def two(shop: Shop) -> UUID:
    """One customer with two browsers and an order of each: the second came with the wrong sign-in."""
    shop.happened(bought(shop, "tid-anna", "1", "10.00"), bought(shop, "tid-bert", "2", "2.50"))
    said(shop, "identify", "tid-anna", "42", url="https://shop.example/welcome")
    customer = said(shop, "identify", "tid-bert", "42", minute=5)
    send_overrides(shop.parts.store, shop.parts.sessions)
    return customer


# --- What is told


def test_a_sentence_tells_when_where_and_what_linked_a_browser(shop: Shop, two: UUID) -> None:
    page = shop.page(f"/customers/{two}/identity")
    assert "On 3\N{NO-BREAK SPACE}May\N{NO-BREAK SPACE}2026 at 10:12:41" in page
    assert "on the page https://shop.example/welcome, identify(&#39;42&#39;) linked browser" in page
    assert "Europe/London" in page


def test_what_was_said_fifty_times_is_one_sentence_and_one_edge(shop: Shop) -> None:
    for minute in range(50):
        customer = said(shop, "identify", "tid-anna", "42", minute=minute)
    page = shop.page(f"/customers/{customer}/identity")
    assert page.count("linked browser") == 1
    assert "Said 50 times, the last on" in page
    assert page.count('class="edge is-live"><title>') == 2  # in either of the two drawings
    assert "50×, last 3\N{NO-BREAK SPACE}May\N{NO-BREAK SPACE}2026" in page


def test_the_picture_has_a_text_alternative_and_nothing_that_the_policy_forbids(
    shop: Shop, two: UUID
) -> None:
    said(shop, "alias", "tid-anna", {"card": '"><script>alert(1)</script>'}, minute=9)
    page = shop.page(f"/customers/{two}/identity")
    assert page.count('role="img" aria-label="How the 4 ids of') == 2
    assert page.count('aria-describedby="sentences"') == 2
    assert forbidden_in(page) == []
    assert "<script>alert" not in page


def test_a_refused_alias_is_an_edge_to_the_other_customer(shop: Shop, two: UUID) -> None:
    other = said(shop, "identify", "tid-carl", "43")
    said(shop, "alias", "tid-anna", "43", minute=9)
    page = shop.page(f"/customers/{two}/identity")
    assert "refused, since they belong to different customers" in page
    assert 'class="edge is-refused"' in page
    assert "</svg>was refused</li>" in page
    assert f'href="{identity(shop, other)}"' in page


def test_customers_who_share_a_browser_lead_to_each_other(shop: Shop) -> None:
    first = said(shop, "identify", "tid-kiosk", "a")
    second = said(shop, "identify", "tid-kiosk", "b", minute=5)
    assert f'href="{identity(shop, second)}"' in shop.page(f"/customers/{first}/identity")
    page = shop.page(f"/customers/{second}/identity")
    assert f'href="{identity(shop, first)}"' in page
    assert "browser · shared" in page
    assert "theirs until" in page


def test_an_erased_person_keeps_a_place_without_a_name(shop: Shop) -> None:
    first = said(shop, "identify", "tid-kiosk", "a")
    second = said(shop, "identify", "tid-kiosk", "b", minute=5)
    with shop.parts.sessions.begin() as db:
        strip_customer(db, shop.project_id, read_holdings(db, shop.project_id, first))
    page = shop.page(f"/customers/{second}/identity")
    assert "An erased person" in page
    assert "erased-" not in page
    [placeholder] = set(re.findall(r"/customers/([0-9a-f-]{36})/identity\"", page)) - {str(second)}
    theirs = shop.page(f"/customers/{placeholder}/identity")
    assert "somebody who was erased since signed in on browser <code>tid-kiosk</code>" in theirs
    assert "/identity/undo/" not in theirs


def test_a_long_id_is_shortened_in_the_picture_and_whole_in_its_title(shop: Shop) -> None:
    customer = said(shop, "identify", "tid-anna", "x" * 90)
    page = shop.page(f"/customers/{customer}/identity")
    assert f"<title>user_id {'x' * 90}, since" in page
    assert re.search(r'class="node-label"[^>]*>x{8,14}…x+</text>', page)


def test_a_browser_that_never_said_who_it_is_has_a_picture_of_one_id(shop: Shop) -> None:
    event = shop.event(visitor="tid-lonely")
    shop.happened(event)
    page = shop.page(f"/customers/{event.customer_id}/identity")
    assert "nothing links it to anybody" in page
    assert 'class="node is-browser"' in page
    assert "Split…" not in page


def test_of_many_ids_the_most_linked_are_drawn_and_the_rest_is_counted(shop: Shop) -> None:
    sightings = [
        Sighting(
            "identify",
            f"tid-{n:03}",
            {"user_id": "hub"},
            AT + timedelta(minutes=30 * n),
            f"m-{n}",
            cause="identify",
        )
        for n in range(120)
    ]
    with shop.parts.sessions.begin() as db:
        customer = resolve(db, shop.project_id, sightings)[0].customer_id
    page = shop.page(f"/customers/{customer}/identity")
    assert "91 more ids with fewer links are not drawn" in page
    assert page.count('class="node is-user"') == 2
    assert "1 to 100 of 120" in page
    later = shop.page(f"/customers/{customer}/identity?from=100")
    assert later.count("linked browser") == 20
    assert "101 to 120 of 120" in later


def test_the_customers_own_page_has_the_picture_and_leads_to_the_rest(shop: Shop, two: UUID) -> None:
    page = shop.page(f"/customers/{two}")
    assert 'class="picture is-tall"' in page
    assert f'href="{identity(shop, two)}"' in page


# --- Undo


def test_the_preview_of_an_undo_tells_what_moves_and_changes_nothing(shop: Shop, two: UUID) -> None:
    page = shop.page(f"/customers/{two}/identity/undo/{link_id(shop, 'tid-bert')}")
    assert "£2.50" in page
    assert "Visitor d-bert" in page
    assert "A new sign-in on this browser links it again." in page
    assert count_decisions(shop) == 0
    assert summary(shop, two, "tid-anna", "tid-bert") == (2, "12.50")


def undo_bert(shop: Shop, two: UUID, who: str = "owner") -> TestResponse:
    address = identity(shop, two, f"/undo/{link_id(shop, 'tid-bert')}")
    return confirm(shop, address, who)


def confirm(shop: Shop, address: str, who: str = "owner", times: int = 1, **fields: object) -> TestResponse:
    """Open a preview and press its button, as often as said: with the fields of the form that was shown."""
    client = shop.client(who)
    form = form_of(client.get(address).text) | fields
    for _ in range(times):
        answer = client.post(address, data=form, headers={"Referer": f"http://localhost{address}"})
    return answer


def form_of(page: str) -> dict[str, object]:
    assert CSRF.search(page), page
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page):
        fields.setdefault(name, []).append(value.replace("&#34;", '"'))
    return dict(fields)


def test_an_undone_link_moves_its_order_at_once_and_is_told_with_who_did_it(shop: Shop, two: UUID) -> None:
    answer = undo_bert(shop, two)
    assert answer.status_code == 302
    bert = own(shop, "tracking_id", "tid-bert")
    assert summary(shop, two, "tid-anna", "tid-bert") == (1, "10.00")
    assert summary(shop, bert, "tid-anna", "tid-bert") == (1, "2.50")
    page = shop.client("owner").get(answer.location).text
    assert "Done: olga@shop.example undid the link between browser <code>tid-bert</code>" in page
    assert "Undo this" in page
    assert 'class="edge is-undone"' in page
    assert "; this was undone." in page


def test_a_second_click_undoes_nothing_more_and_shows_the_same_page(shop: Shop, two: UUID) -> None:
    address = identity(shop, two, f"/undo/{link_id(shop, 'tid-bert')}")
    answer = confirm(shop, address, times=3)
    assert (answer.status_code, count_decisions(shop)) == (302, 1)
    assert "?done=" in answer.location


def test_three_clicks_at_the_same_moment_decide_once(shop: Shop, two: UUID) -> None:
    address = identity(shop, two, f"/undo/{link_id(shop, 'tid-bert')}")
    clients = [shop.client("owner") for _ in range(3)]
    forms = [form_of(client.get(address).text) for client in clients]

    def click(client: FlaskClient, form: dict[str, object]) -> tuple[int, str]:
        answer = client.post(address, data=form, headers={"Referer": f"http://localhost{address}"})
        return answer.status_code, answer.location

    with ThreadPoolExecutor(3) as pool:
        answers = set(pool.map(click, clients, forms))
    assert count_decisions(shop) == 1
    assert len(answers) == 1
    assert answers.pop()[0] == 302


def test_what_was_undone_by_somebody_else_meanwhile_is_said(shop: Shop, two: UUID) -> None:
    address = identity(shop, two, f"/undo/{link_id(shop, 'tid-bert')}")
    client = shop.client("owner")
    form = form_of(client.get(address).text)
    undo_bert(shop, two, "member")
    answer = client.post(address, data=form, headers={"Referer": f"http://localhost{address}"})
    assert answer.status_code == 422
    assert "undone already" in answer.text
    assert count_decisions(shop) == 1


def test_an_undo_is_taken_back_to_the_penny_and_says_by_whom(shop: Shop, two: UUID) -> None:
    done = undo_bert(shop, two).location.partition("done=")[2]
    answer = confirm(shop, f"{shop.base}/decisions/{done}/undo", "member", times=2)
    assert answer.status_code == 302
    assert count_decisions(shop) == 2
    assert summary(shop, two, "tid-anna", "tid-bert") == (2, "12.50")
    page = shop.page("/decisions")
    assert f"taken back by {EMAILS['member']}" in page
    assert f"{EMAILS['member']} took back the undo of" in page
    assert page.count("Take back…") == 1


def test_a_new_sign_in_links_an_undone_browser_again(shop: Shop, two: UUID) -> None:
    undo_bert(shop, two)
    with shop.parts.sessions() as db:
        decided_at = db.scalars(select(func.max(Link.occurred_at)).where(Link.decided_by != "")).one()
    minutes = int((decided_at - AT).total_seconds() // 60) + 1
    assert said(shop, "identify", "tid-bert", "42", minute=minutes) == two
    page = shop.page(f"/customers/{two}/identity")
    assert page.count("this was undone") == 1
    assert page.count("linked browser <code>tid-bert</code>") == 2


def test_a_link_of_somebody_else_is_not_found(shop: Shop, two: UUID) -> None:
    other = said(shop, "identify", "tid-carl", "43")
    client = shop.client("owner")
    assert client.get(identity(shop, other, f"/undo/{link_id(shop, 'tid-bert')}")).status_code == 404
    assert client.get(identity(shop, two, "/undo/999999999")).status_code == 404


# --- Split


def preview_split(shop: Shop, customer: UUID, *ids: str) -> TestResponse:
    address = identity(shop, customer, "/split")
    client = shop.client("owner")
    form = form_of(client.get(address).text) | {"id": list(ids)}
    return client.post(address, data=form, headers={"Referer": f"http://localhost{address}"})


def test_a_customer_is_split_once_by_the_ids_that_were_checked(shop: Shop, two: UUID) -> None:
    page = preview_split(shop, two, '["tracking_id","tid-bert"]')
    assert page.status_code == 200
    assert "£2.50" in page.text
    assert count_decisions(shop) == 0
    client, address = shop.client("owner"), identity(shop, two, "/split")
    client.get(address)
    form = form_of(page.text)
    token = CSRF.search(client.get(address).text)
    assert token
    for _ in range(2):
        answer = client.post(
            address, data=form | {"csrf_token": token[1]}, headers={"Referer": f"http://localhost{address}"}
        )
    assert (answer.status_code, count_decisions(shop)) == (302, 1)
    assert summary(shop, own(shop, "tracking_id", "tid-bert"), "tid-bert") == (1, "2.50")


def test_splitting_off_nothing_or_everything_is_refused_on_the_same_page(shop: Shop, two: UUID) -> None:
    everything = ['["user_id","42"]', '["tracking_id","tid-anna"]', '["tracking_id","tid-bert"]']
    for chosen in ([], everything):
        answer = preview_split(shop, two, *chosen)
        assert answer.status_code == 422
        assert "not all of them" in answer.text
        assert answer.text.count(" checked") == len(chosen)
    assert preview_split(shop, two, "nonsense").status_code == 400


def test_the_ids_to_split_off_can_be_searched(shop: Shop, two: UUID) -> None:
    page = shop.page(f"/customers/{two}/identity/split?q=BERT")
    assert "tid-bert" in page
    assert "tid-anna" not in page


# --- Merge


@pytest.fixture
def others(shop: Shop) -> tuple[UUID, UUID]:
    shop.happened(bought(shop, "tid-anna", "1", "10.00"), bought(shop, "tid-bert", "2", "2.50"))
    return said(shop, "identify", "tid-anna", "42"), said(shop, "identify", "tid-bert", "43", minute=1)


def test_a_customer_to_merge_with_is_found_and_is_never_the_same_one(
    shop: Shop, others: tuple[UUID, UUID]
) -> None:
    anna, bert = others
    page = shop.page(f"/customers/{anna}/identity/merge?q=4")
    assert identity(shop, anna, f"/merge/{bert}") in page
    assert identity(shop, anna, f"/merge/{anna}") not in page
    assert "Nobody else has" in shop.page(f"/customers/{anna}/identity/merge?q=42")


def test_a_merge_is_previewed_made_once_and_its_old_page_leads_on(
    shop: Shop, others: tuple[UUID, UUID]
) -> None:
    anna, bert = others
    address = identity(shop, anna, f"/merge/{bert}")
    page = shop.client("owner").get(address).text
    assert "£2.50" in page
    assert "one customer" in page
    assert summary(shop, anna, "tid-anna", "tid-bert") == (1, "10.00")
    answer = confirm(shop, address, "member", times=2)
    assert (answer.status_code, count_decisions(shop)) == (302, 1)
    assert summary(shop, anna, "tid-anna", "tid-bert") == (2, "12.50")
    client = shop.client("owner")
    for more in ("", "/identity", "/identity/split", "/identity/merge"):
        led = client.get(f"{shop.base}/customers/{bert}{more}")
        assert (led.status_code, led.location) == (302, f"{shop.base}/customers/{anna}{more}")
    assert "max@shop.example decided that these are one person" in client.get(answer.location).text


def test_a_merge_taken_back_gives_each_their_own_again(shop: Shop, others: tuple[UUID, UUID]) -> None:
    anna, bert = others
    done = confirm(shop, identity(shop, anna, f"/merge/{bert}")).location.partition("done=")[2]
    confirm(shop, f"{shop.base}/decisions/{done}/undo")
    assert summary(shop, anna, "tid-anna", "tid-bert") == (1, "10.00")
    assert summary(shop, bert, "tid-anna", "tid-bert") == (1, "2.50")
    assert shop.client("owner").get(f"{shop.base}/customers/{bert}").status_code == 200


def test_a_merged_customer_without_events_leads_on_too(shop: Shop) -> None:
    anna, bert = said(shop, "identify", "tid-anna", "42"), said(shop, "identify", "tid-bert", "43", minute=1)
    confirm(shop, identity(shop, anna, f"/merge/{bert}"))
    led = shop.client("owner").get(f"{shop.base}/customers/{bert}")
    assert (led.status_code, led.location) == (302, f"{shop.base}/customers/{anna}")


def test_an_anonymous_visitor_whom_only_the_store_knows_can_be_merged(shop: Shop) -> None:
    shop.happened(bought(shop, "tid-new", "3", "7.00"))
    anna, visitor = said(shop, "identify", "tid-anna", "42"), own(shop, "tracking_id", "tid-new")
    assert confirm(shop, identity(shop, anna, f"/merge/{visitor}")).status_code == 302
    assert summary(shop, anna, "tid-anna", "tid-new") == (1, "7.00")


# --- Decisions, rights


def test_the_list_of_decisions_says_that_there_is_none_yet(shop: Shop) -> None:
    assert "Nobody has undone a link" in shop.page("/decisions")


def test_what_a_key_decided_is_told_with_the_beginning_of_the_key(shop: Shop, two: UUID) -> None:
    link = link_id(shop, "tid-bert")
    with shop.parts.sessions.begin() as db:
        key = Key(project_id=shop.project_id, kind="secret", value="0" * 64, hint="sha_sec_abcd")
        db.add(key)
        db.flush()
        undo_link(db, shop.project_id, two, link, by=f"key:{key.id}", door="api")
    page = shop.page("/decisions")
    assert "key sha_sec_abcd… undid the link between" in page
    assert "through the API" in page


def test_a_decision_of_another_project_is_not_found(shop: Shop, two: UUID) -> None:
    done = undo_bert(shop, two).location.partition("done=")[2]
    with shop.parts.sessions.begin() as db:
        db.execute(update(Link).where(Link.message_id == done).values(project_id=shop.project_id + 500_000))
    assert shop.client("owner").get(f"{shop.base}/decisions/{done}/undo").status_code == 404


def test_a_form_without_its_token_changes_nothing(shop: Shop, two: UUID) -> None:
    address = identity(shop, two, f"/undo/{link_id(shop, 'tid-bert')}")
    assert shop.client("owner").post(address).status_code == 400
    assert count_decisions(shop) == 0


def test_times_are_told_in_the_zone_of_the_project(shop: Shop, two: UUID) -> None:
    with shop.parts.sessions.begin() as db:
        db.get_one(Project, shop.project_id).time_zone = "Asia/Tokyo"
    assert "at 18:12:41" in shop.page(f"/customers/{two}/identity")


def test_the_api_says_who_undid_a_link_and_that_it_is_not_active(shop: Shop, two: UUID) -> None:
    undo_bert(shop, two)
    secret = "sha_sec_" + "k" * 40
    with shop.parts.sessions.begin() as db:
        db.add(
            Key(project_id=shop.project_id, kind="secret", value=hash_secret_key(secret), hint="sha_sec_kkkk")
        )
    answer = shop.app.test_client().get(
        f"/api/v1/customers/{two}/identity", headers={"Authorization": f"Bearer {secret}"}
    )
    found: Any = answer.json
    assert [(one["cause"], one["active"]) for one in found["links"]] == [
        ("identify", True), ("identify", False), ("undo", True),
    ]  # fmt: skip
    assert found["sentences"][1].endswith(
        "identify('42') linked browser tid-bert with user_id 42; this was undone."
    )
    assert "olga@shop.example undid the link between browser tid-bert and user_id 42" in found["sentences"][2]


def test_a_long_list_of_ids_is_cut_on_the_customers_own_page(shop: Shop) -> None:
    for minute in range(25):
        customer = said(shop, "identify", f"tid-{minute:02}", "42", minute=minute)
    page = shop.page(f"/customers/{customer}")
    assert "Search all 26" in page
    assert page.count('class="id-value"') == 20


def test_the_sandbox_has_decisions_of_its_own(shop: Shop, two: UUID) -> None:
    undo_bert(shop, two)
    sandbox = f"/projects/{shop.project_id}-sandbox"
    client = shop.client("owner")
    assert "Nobody has undone a link" in client.get(f"{sandbox}/decisions").text
    assert client.get(f"{sandbox}/customers/{two}/identity").status_code == 404
