"""The list of refused links, and what an owner decides of them."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from shopalytic.accounts.models import Conflict, IdRuleRow
from shopalytic.identity.decisions import list_decisions, undo_decision
from shopalytic.identity.ids import origin_id
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.never import list_never
from shopalytic.reports.project import Project
from shopalytic.web.cases import read_parties
from tests.factories import make_order
from tests.web.conftest import Shop, send
from tests.web.test_pages import forbidden_in

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
_messages = itertools.count(1)


def say(
    shop: Shop, kind: str, visitor: str, ids: str | dict[str, str], minute: float = 10, **more: str
) -> None:
    user_ids = {"user_id": ids} if isinstance(ids, str) else ids
    told = {"cause": kind, "url": "https://shop.example/account"} | more
    at, message_id = NOON + timedelta(minutes=minute), f"said-{next(_messages):05}"
    sighting = Sighting(kind, visitor, user_ids, at, message_id, **told)  # type: ignore[arg-type]
    with shop.parts.sessions.begin() as db:
        resolve(db, shop.project_id, [sighting])


@pytest.fixture
def refused(shop: Shop) -> int:
    """Ann and Ben are two customers, and Ben's browser said that he has Ann's id. Gives the conflict's number."""
    ann = shop.identified("tid-ann", "ann", first_name="Ann", last_name="Archer")
    shop.identified("tid-ben", "ben", first_name="Ben", last_name="Baker")
    own = {"visitor": "tid-ann", "origin_id": str(ann), "customer_id": str(ann)}
    shop.happened(make_order(order_id="17", total="12.50", project_id=shop.project_id, **own))
    say(shop, "alias", "tid-ben", "ann")
    return rows(shop)[0].id


def rows(shop: Shop) -> list[Conflict]:
    with shop.parts.sessions() as db:
        query = select(Conflict).where(Conflict.project_id == shop.project_id)
        return list(db.scalars(query.order_by(Conflict.occurred_at)))


def lines(page: str) -> list[tuple[str, str]]:
    """(whom, which id) of each case, from the top."""
    return re.findall(r'event-label">([^<]*)</span>\s*<span class="event-summary"><code>([^<]*)<', page)


def decide(shop: Shop, conflict_id: int, action: str = "leave", who: str = "owner") -> str:
    path = f"{shop.base}/conflicts/{conflict_id}/{action}"
    client = shop.client(who)
    answer = send(client, path, path)
    assert answer.status_code == 302, answer.text
    return client.get(answer.location).text


def test_nothing_that_waits_is_said_so(shop: Shop) -> None:
    page = shop.page("/conflicts", "member")
    assert "Nothing waits for a decision" in page
    assert 'for a decision">' not in page


def test_a_refused_link_is_told_with_both_customers(shop: Shop, refused: int) -> None:
    page = shop.page("/conflicts", "member")
    assert lines(page) == [("Ann Archer or Ben Baker", "ann")]
    for text in (
        "15\N{NO-BREAK SPACE}Jan\N{NO-BREAK SPACE}2026 at 12:10:00",
        "alias(&#39;ann&#39;)",
        "on the page https://shop.example/account",
        "belongs to another customer than browser <code>tid-ben</code>",
        "£12.50",
        f"/customers/{origin_id(shop.project_id, 'tracking_id', 'tid-ann')}",
        f"/customers/{origin_id(shop.project_id, 'tracking_id', 'tid-ben')}",
        "said-",
    ):
        assert text in page, text
    assert f"/conflicts/{refused}/merge" in page


def test_a_member_decides_what_can_be_taken_back_and_an_owner_what_an_id_means(
    shop: Shop, refused: int
) -> None:
    never = f"/conflicts/{refused}/never"
    assert (never in shop.page("/conflicts", "member"), never in shop.page("/conflicts")) == (False, True)
    assert shop.client("member").get(shop.base + never).status_code == 403
    decide(shop, refused, "leave", "member")
    assert shop.page("/conflicts?status=decided").count("Ask again") == 1


def test_the_same_said_again_and_again_is_one_line(shop: Shop, refused: int) -> None:
    for minute in range(11, 15):
        say(shop, "alias", "tid-ben", "ann", minute)
    page = shop.page("/conflicts")
    assert lines(page) == [("Ann Archer or Ben Baker", "ann")]
    assert "Said 5 times since 15\N{NO-BREAK SPACE}Jan\N{NO-BREAK SPACE}2026, 12:10" in page
    assert "at 12:14:00" in page
    assert '<span class="mark warn" title="1 waits for a decision">1</span>' in page


def test_two_ids_of_different_customers_in_one_event_are_told(shop: Shop) -> None:
    shop.identified("tid-ann", "ann")
    say(shop, "identify", "tid-ben", {"email": "ben@shop.example"}, 1)
    say(
        shop,
        "track",
        "",
        {"user_id": "ann", "email": "ben@shop.example"},
        cause="order",
        url="",
        door="import",
    )
    page = shop.page("/conflicts")
    assert "the event order through an import named both user_id <code>ann</code> and email" in page
    assert "<code>ben@shop.example</code>" in page


def test_what_was_said_last_comes_first(shop: Shop, refused: int) -> None:
    say(shop, "identify", "tid-cid", "cid", 1)
    say(shop, "alias", "tid-cid", "ann", 5)
    say(shop, "alias", "tid-cid", "ben", 20)
    assert [found for _, found in lines(shop.page("/conflicts"))] == ["ben", "ann", "ann"]


def test_reasons_and_ids_can_be_looked_at_alone(shop: Shop, refused: int) -> None:
    say(shop, "identify", "tid-cid", "cid", 1)
    say(shop, "alias", "tid-cid", "ben", 20)
    assert len(lines(shop.page("/conflicts?reason=owned_by_another"))) == 2
    assert "No such conflict" in shop.page("/conflicts?reason=too_many_links")
    assert [found for _, found in lines(shop.page("/conflicts?q=an"))] == ["ann"]
    assert [found for _, found in lines(shop.page("/conflicts?q=tid-ci"))] == ["ben"]
    assert "No such conflict" in shop.page("/conflicts?q=%25")


def test_more_than_a_page_is_reached_by_older_ones(shop: Shop) -> None:
    shop.identified("tid-ben", "ben")
    for number in range(25):
        say(shop, "identify", f"t{number}", f"u{number:02}", 1)
        # Two of them at the same instant, on both sides of the page's end.
        say(shop, "alias", "tid-ben", f"u{number:02}", 10 + number // 2)
    first = shop.page("/conflicts")
    following = re.search(r'href="[^"]*(/conflicts\?[^"]*cursor=[^"]*)"', first)
    assert following
    second = shop.page(following[1].replace("&amp;", "&"))
    found = [each for _, each in lines(first) + lines(second)]
    assert sorted(found) == sorted(set(found)) == [f"u{number:02}" for number in range(25)]
    assert "cursor=" not in second
    assert shop.client("owner").get(f"{shop.base}/conflicts?cursor=nonsense").status_code == 400


def test_an_owner_leaves_one_after_a_look_at_it(shop: Shop, refused: int) -> None:
    preview = shop.page(f"/conflicts/{refused}/leave")
    assert "Ann Archer" in preview
    assert "Nothing moves" in preview
    assert rows(shop)[0].decision == ""
    page = decide(shop, refused)
    assert "It stays as it is" in page
    assert lines(page) == []
    decided = shop.page("/conflicts?status=decided")
    assert lines(decided) == [("Ann Archer or Ben Baker", "ann")]
    assert "Left as it is, by olga@shop.example" in decided


def test_a_second_click_keeps_who_decided_first(shop: Shop, refused: int) -> None:
    client, path = shop.client("owner"), f"{shop.base}/conflicts/{refused}/leave"
    page = client.get(path).text
    decide(shop, refused)
    before = rows(shop)[0].decided_at
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    answer = client.post(path, data={"csrf_token": token[1]})
    assert answer.status_code == 302
    assert rows(shop)[0].decided_at == before
    assert client.get(path).status_code == 302


def test_what_was_left_is_not_asked_again_and_may_be_asked_again(shop: Shop, refused: int) -> None:
    decide(shop, refused)
    say(shop, "alias", "tid-ben", "ann", 30)
    assert lines(shop.page("/conflicts")) == []
    assert "Said 2 times" in shop.page("/conflicts?status=decided")
    answer = send(
        shop.client("owner"),
        f"{shop.base}/conflicts?status=decided",
        f"{shop.base}/conflicts/{refused}/reopen",
    )
    assert answer.status_code == 302
    assert len(lines(shop.page("/conflicts"))) == 1
    assert {row.decided_by for row in rows(shop)} == {""}


def test_one_that_is_refused_no_more_is_not_found(shop: Shop, refused: int) -> None:
    response = shop.client("owner").get(f"{shop.base}/conflicts/{refused + 1}/leave")
    assert response.status_code == 404
    assert "not refused any more" in response.text


def test_another_projects_conflicts_are_neither_shown_nor_decided(shop: Shop, refused: int) -> None:
    with shop.parts.sessions.begin() as db:
        row = db.get_one(Conflict, refused)
        row.project_id = shop.project_id + 500_000_000
    assert lines(shop.page("/conflicts")) == []
    assert shop.client("owner").get(f"{shop.base}/conflicts/{refused}/leave").status_code == 404


def test_a_case_of_customers_whom_nobody_knows_any_more_is_still_told(shop: Shop, refused: int) -> None:
    with shop.parts.sessions.begin() as db:
        row = db.get_one(Conflict, refused)
        row.owner_id = row.asked_id = None
    page = shop.page("/conflicts")
    assert lines(page) == [("Nobody known", "ann")]
    assert "Merge" not in page


def test_hostile_ids_stay_text(shop: Shop) -> None:
    bad = '"><script>alert(1)</script>'
    shop.identified("tid-ann", bad)
    shop.identified("tid-ben", "ben", first_name="<img onerror=x>")
    say(shop, "alias", "tid-ben", bad, url='https://shop.example/"><b onclick=x>')
    page = shop.page("/conflicts")
    assert len(lines(page)) == 1
    assert forbidden_in(page) == []


def test_an_anonymous_visitor_is_called_one(shop: Shop) -> None:
    """A link that waits has a visitor on one side, who has no id but the browser's."""
    shop.identified("tid-ann", "ann")
    with shop.parts.sessions.begin() as db:
        db.add(
            Conflict(
                project_id=shop.project_id, message_id="m", kind="identify", id_type="user_id", id_value="ann",
                tracking_id="tid-till", reason="too_many_links", occurred_at=NOON,
                owner_id=origin_id(shop.project_id, "tracking_id", "tid-ann"),
                asked_id=origin_id(shop.project_id, "tracking_id", "tid-till"),
            )
        )  # fmt: skip
    shop.happened(shop.event(visitor="tid-till"))
    page = shop.page("/conflicts")
    assert lines(page) == [("ann or Visitor d-till", "ann")]
    assert "waits for your decision" in page


def summary(shop: Shop, customer: UUID) -> tuple[int, Decimal]:
    project = Project(shop.project_id, "Europe/London", "GBP")
    found = read_parties(shop.parts, project, [customer])[customer].summary
    return (found.orders, found.revenue) if found else (0, Decimal(0))


@pytest.fixture
def bens_order(shop: Shop, refused: int) -> UUID:
    ben = origin_id(shop.project_id, "tracking_id", "tid-ben")
    own = {"visitor": "tid-ben", "origin_id": str(ben), "customer_id": str(ben)}
    shop.happened(make_order(order_id="18", total="7.25", project_id=shop.project_id, **own))
    return ben


def test_a_merge_says_what_moves_and_changes_nothing_before(
    shop: Shop, refused: int, bens_order: UUID
) -> None:
    page = shop.page(f"/conflicts/{refused}/merge")
    assert "1 event with 1 order, £7.25 in all, moves from Ben Baker to Ann Archer" in page
    assert summary(shop, bens_order) == (1, Decimal("7.25"))
    assert len(rows(shop)) == 1


def test_a_merge_moves_orders_at_once_and_resolves_the_conflict(
    shop: Shop, refused: int, bens_order: UUID
) -> None:
    ann = origin_id(shop.project_id, "tracking_id", "tid-ann")
    page = decide(shop, refused, "merge")
    assert "They are one customer now" in page
    assert f"/customers/{ann}" in page
    assert summary(shop, ann) == (2, Decimal("19.75"))
    assert summary(shop, bens_order) == (0, Decimal(0))
    assert rows(shop) == []
    with shop.parts.sessions() as db:
        [made] = list_decisions(db, shop.project_id, ann)
    assert (made.kind, made.door, made.by.startswith("user:")) == ("merge", "dashboard", True)


def test_a_merge_that_is_taken_back_is_a_conflict_again(shop: Shop, refused: int, bens_order: UUID) -> None:
    decide(shop, refused, "merge")
    with shop.parts.sessions.begin() as db:
        [made] = list_decisions(db, shop.project_id)
        undo_decision(db, shop.project_id, made.decision_id, by="user:1", door="dashboard")
    assert lines(shop.page("/conflicts")) == [("Ann Archer or Ben Baker", "ann")]


def test_a_second_click_on_merge_does_no_harm(shop: Shop, refused: int) -> None:
    client, path = shop.client("owner"), f"{shop.base}/conflicts/{refused}/merge"
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert token
    for _ in range(2):
        answer = client.post(path, data={"csrf_token": token[1]})
        assert answer.status_code == 302
    assert "somebody was faster" in client.get(answer.location).text
    with shop.parts.sessions() as db:
        assert len(list_decisions(db, shop.project_id)) == 1


def test_one_customer_alone_cannot_be_merged(shop: Shop, refused: int) -> None:
    with shop.parts.sessions.begin() as db:
        db.get_one(Conflict, refused).asked_id = None
    assert f"/conflicts/{refused}/merge" not in shop.page("/conflicts")
    assert shop.client("owner").get(f"{shop.base}/conflicts/{refused}/merge").status_code == 400


def test_a_link_that_waits_is_linked_by_a_merge(shop: Shop) -> None:
    """Of a shared till: each sign-in counts from then on, and what was done before waits."""
    shop.identified("tid-ann", "ann", first_name="Ann")
    rule = {"is_hard": True, "is_told_by_property": False, "set_at": NOON, "set_by": "user:1"}
    with shop.parts.sessions.begin() as db:
        from_at = NOON - timedelta(days=9)
        db.add(
            IdRuleRow(
                project_id=shop.project_id, id_type="user_id", from_at=from_at, new_links_per_day=1, **rule
            )
        )
    say(shop, "identify", "tid-two", "ann", 20)
    shop.happened(shop.event(visitor="tid-two", at="2026-01-15 10:00:00"))
    [row] = rows(shop)
    assert row.reason == "too_many_links"
    page = shop.page("/conflicts")
    assert "Link them…" in page
    assert lines(page) == [("Ann or Visitor id-two", "ann")]
    assert "1 event with 0 orders" in shop.page(f"/conflicts/{row.id}/merge")
    decide(shop, row.id, "merge")
    assert rows(shop) == []


def test_an_id_is_never_taken_again_and_all_its_conflicts_are_decided(shop: Shop, refused: int) -> None:
    say(shop, "identify", "tid-cid", "cid", 1)
    say(shop, "alias", "tid-cid", "ann", 20)
    preview = shop.page(f"/conflicts/{refused}/never")
    assert 'value="id" checked' in preview
    assert "browser <code>tid-ben</code>" in preview
    page = decide(shop, refused, "never")
    assert "the id identifies nobody" in page
    with shop.parts.sessions() as db:
        [listed] = list_never(db, shop.project_id)
    assert (listed.id_type, listed.id_value, listed.set_by.startswith("user:")) == ("user_id", "ann", True)
    assert {row.decision for row in rows(shop)} == {"never"}


def test_the_browser_may_be_the_one_that_identifies_nobody(shop: Shop, refused: int) -> None:
    path = f"{shop.base}/conflicts/{refused}/never"
    assert send(shop.client("owner"), path, path, which="nonsense").status_code == 422
    assert send(shop.client("owner"), path, path, which="browser").status_code == 302
    with shop.parts.sessions() as db:
        [listed] = list_never(db, shop.project_id)
    assert (listed.id_type, listed.id_value) == ("tracking_id", "tid-ben")
    assert rows(shop)[0].decision == "never"


def test_ids_that_identify_nobody_are_told_without_anything_to_decide(shop: Shop) -> None:
    at = f"{datetime.now(UTC) - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}.000"
    wrong = {"violations": ["forbidden_id:user_id"], "received_at": at, "at": at, "path": "/thanks"}
    shop.happened(
        shop.event(properties={"_nobody_ids": '{"user_id":"<b>null"}'}, **wrong),
        shop.event(properties={}, **wrong),
    )
    page = shop.page("/conflicts")
    told = page[page.index("Ids that identify nobody") :]
    for text in ("<code>&lt;b&gt;null</code>", "<code>user_id</code>", "/thanks", "not kept"):
        assert text in told, text
    assert "Merge" not in told
    assert "Ids that identify nobody" not in shop.page("/conflicts?q=ann")
