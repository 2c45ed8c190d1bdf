"""The tracking plan's pages."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import msgspec
import pytest
from werkzeug.test import TestResponse

from shopalytic.accounts.plans import find_version, list_versions, read_plan, save_plan
from shopalytic.events.parse import parse_envelope
from shopalytic.events.plan import EventRule, Plan, PropertyRule, format_plan
from tests.web.conftest import CSRF, Shop, send
from tests.web.test_pages import forbidden_in
from tests.web.test_quarantine import queued_shop, set_aside, valkey_url

__all__ = ["queued_shop", "valkey_url"]

SEARCH = Plan(
    events={"search": EventRule("A search", properties={"query": PropertyRule(type="text", required=True)})}
)


def saved(shop: Shop, plan: Plan = SEARCH) -> int:
    with shop.parts.sessions.begin() as db:
        return save_plan(db, shop.project_id, plan, saved_by="a test").version


def current(shop: Shop) -> Plan:
    with shop.parts.sessions() as db:
        return read_plan(find_version(db, shop.project_id))


def versions(shop: Shop) -> int:
    with shop.parts.sessions() as db:
        return len(list_versions(db, shop.project_id))


def post(shop: Shop, action: str, who: str = "owner", page: str = "/plan", **form: Any) -> TestResponse:
    """A form of the plan's pages, filled in from the version in force."""
    client = shop.client(who)
    token = CSRF.search(client.get(shop.base + page).text)
    assert token
    with shop.parts.sessions() as db:
        row = find_version(db, shop.project_id)
    values = {"csrf_token": token[1], "based_on": str(row.version if row else 0)}
    return client.post(
        shop.base + action, data=values | form, headers={"Referer": f"http://localhost{shop.base}{page}"}
    )


def rows(*properties: dict[str, str]) -> dict[str, Any]:
    names = ("path", "type", "required", "values", "min", "max", "about")
    defaults = {"type": "any"}
    return {name: [(defaults | each).get(name, "") for each in properties] for name in names}


def test_a_project_without_a_plan_sees_the_predefined_events(shop: Shop) -> None:
    page = shop.page("/plan")
    for text in ("nothing of your own yet", "account_register", "page_view"):
        assert text in page, text
    assert "No version yet" in shop.page("/plan/versions")
    assert "Nothing has arrived yet" in shop.page("/plan/learn")


def test_events_are_listed_with_what_arrived_in_seven_days(shop: Shop) -> None:
    saved(shop)
    for violations in ([], ["missing:query"], ["missing:query"]):
        shop.happened(shop.event(event="search", violations=violations))
    now = datetime.now(UTC)
    old = f"{now - timedelta(days=9):%Y-%m-%d %H:%M:%S}"
    shop.happened(shop.event(event="search", at=old))
    row = {"project_id": shop.project_id, "event": "search", "received_at": f"{now:%Y-%m-%d %H:%M:%S}.000"}
    shop.parts.store.insert(
        "dropped",
        [msgspec.json.encode(row | {"reason": "refused_by_plan"})],
        token=f"{shop.project_id}-refused",
    )
    page = shop.page("/plan", "member")
    [line] = re.findall(r"<tr>(?:(?!</tr>).)*name=search.*?</tr>", page, re.DOTALL)
    assert 'data-label="Stored, 7 days" class="number">3<' in line
    assert "2 stored, 0 set aside, 1 refused" in line


def test_what_arrives_and_is_not_in_the_plan_is_named(shop: Shop) -> None:
    shop.happened(shop.event(event="wishlist_add"), shop.event(event="session_start"), shop.event())
    page = shop.page("/plan")
    assert "Arriving, but not in the plan" in page
    assert [unescape(name) for name in re.findall(r"<li><a href=[^>]*name=[^>]*>(\S+) ", page)] == [
        "wishlist_add"
    ]
    saved(shop, Plan(events={"wishlist_add": EventRule()}))
    assert "Arriving, but not in the plan" not in shop.page("/plan")


def test_an_event_is_added_with_its_properties(shop: Shop) -> None:
    form = rows(
        {"path": "query", "type": "text", "required": "yes", "about": "What was typed"},
        {"path": "hits", "type": "integer", "min": "0", "max": "1000"},
        {"path": "sort", "type": "text", "values": "price\n\n name \n"},
        {"path": ""},
    )
    response = post(shop, "/plan/event", name="search", description=" A  search ", on_violation="quarantine", tell_unplanned="yes", **form)  # fmt: skip
    assert response.status_code == 302
    assert current(shop).events == {
        "search": EventRule(
            "A search",
            "quarantine",
            "tell",
            {
                "query": PropertyRule(type="text", required=True, description="What was typed"),
                "hits": PropertyRule(type="integer", min=0, max=1000),
                "sort": PropertyRule(type="text", values=("price", "name")),
            },
        )
    }
    page = shop.client("owner").get(response.location).text
    assert "Version 1 is in force" in page


def test_what_the_form_shows_is_what_was_saved(shop: Shop) -> None:
    rule = EventRule(
        "A search", "keep", "tell",
        {"p": PropertyRule("decimal", True, (1, 2.5), 0, 9.5, "Said"), "q": PropertyRule("text", values=("a, b", "c"))},
    )  # fmt: skip
    saved(shop, Plan(events={"search": rule}))
    page = shop.page("/plan/event?name=search")
    form: dict[str, Any] = {
        name: [unescape(value) for value in re.findall(rf'name="{name}"[^>]*? value="([^"]*)"', page)]
        for name in ("path", "min", "max", "about")
    }
    form["values"] = [unescape(text) for text in re.findall(r'name="values"[^>]*>([^<]*)</textarea>', page)]
    for name in ("type", "required"):
        selects = re.findall(rf'name="{name}"[^>]*>(.*?)</select>', page, re.DOTALL)
        form[name] = [(re.findall(r'value="([^"]*)" selected', select) or [""])[0] for select in selects]
    assert post(
        shop, "/plan/event", name="search", description="A search", on_violation="keep", tell_unplanned="yes", **form
    ).status_code == 302  # fmt: skip
    assert current(shop).events == {"search": rule}
    assert versions(shop) == 1


def test_properties_of_every_event_are_saved_and_shown(shop: Shop) -> None:
    saved(shop)
    form = rows({"path": "shop", "type": "text", "values": "uk\nde"})
    assert post(shop, "/plan/properties", then="more", **form).location.endswith("/plan/properties?saved=2")
    assert current(shop) == Plan(
        events=SEARCH.events, properties={"shop": PropertyRule("text", values=("uk", "de"))}
    )
    assert 'value="shop"' in shop.page("/plan/properties", "member")
    assert "Properties of every event" in shop.page("/plan")
    wrong = post(shop, "/plan/properties", **rows({"path": "total", "type": "text"}))
    assert wrong.status_code == 422
    assert "properties.total.type" in wrong.text
    assert 'value="total"' in wrong.text
    assert 'aria-invalid="true"' in wrong.text


def test_saving_and_adding_more_leads_back_to_the_event(shop: Shop) -> None:
    response = post(shop, "/plan/event", name="search", then="more")
    assert response.location.endswith("/plan/event?name=search&saved=1")
    page = shop.client("owner").get(response.location).text
    assert "Saved as version 1" in page


def test_a_property_can_be_removed_and_so_can_the_event(shop: Shop) -> None:
    saved(shop)
    post(shop, "/plan/event", name="search", remove="0", **rows({"path": "query"}, {"path": "hits"}))
    assert list(current(shop).events["search"].properties) == ["hits"]
    post(shop, "/plan/event/remove", name="search")
    assert current(shop) == Plan()
    assert versions(shop) == 3


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": ""}, "a text without spaces"),
        ({"name": "customer_register"}, "account_register"),
        ({"name": "order"} | rows({"path": "total", "type": "text"}), "events.order.properties.total.type"),
        ({"name": "a"} | rows({"path": "a..b"}), "events.a.properties.a..b"),
        ({"name": "a"} | rows({"path": "p", "type": "integer", "min": "few"}), "events.a.properties.p.min"),
        ({"name": "a"} | rows({"path": "p"}, {"path": "p"}), "there twice"),
        ({"name": "a"} | rows({"path": "p", "type": "regex"}), "events.a.properties.p"),
        ({"name": "a", "on_violation": "explode"}, "events.a"),
    ],
)
def test_a_wrong_form_says_where_and_keeps_what_was_typed(
    shop: Shop, form: dict[str, Any], says: str
) -> None:
    response = post(shop, "/plan/event", description="Typed before", **form)
    assert response.status_code == 422
    [problem] = re.findall(r'role="alert" id="problem">([^<]*)<', response.text)
    assert says in unescape(problem)
    assert "Typed before" in response.text
    for path in form.get("path", []):
        assert f'value="{path}"' in response.text
    assert versions(shop) == 0


@pytest.mark.parametrize(
    ("form", "warning"),
    [
        ({"name": "order", "on_violation": "refuse"}, "Their revenue is lost to every report"),
        ({"name": "refund", "on_violation": "quarantine"}, "money is missing in every report"),
        ({"name": "search", "on_violation": "refuse"}, "cannot be had back"),
    ],
)
def test_what_would_lose_messages_is_asked_about_before_it_is_saved(
    shop: Shop, form: dict[str, str], warning: str
) -> None:
    asked = post(shop, "/plan/event", **form)
    assert warning in asked.text
    assert versions(shop) == 0
    [text] = re.findall(r'<textarea name="plan"[^>]*>(.*?)</textarea>', asked.text, re.DOTALL)
    response = post(shop, "/plan/file", plan=unescape(text), confirmed="yes")
    assert response.status_code == 302
    assert current(shop).events[form["name"]].on_violation == form["on_violation"]


def test_what_becomes_of_events_that_are_not_in_the_plan_can_be_chosen(shop: Shop) -> None:
    assert post(shop, "/plan/unplanned", unplanned_events="tell").status_code == 302
    assert current(shop).unplanned_events == "tell"
    assert "Save this plan?" in post(shop, "/plan/unplanned", unplanned_events="refuse").text
    assert post(shop, "/plan/unplanned", unplanned_events="explode").status_code == 400
    assert current(shop).unplanned_events == "tell"


def test_a_change_made_from_an_older_version_is_not_saved_over_a_newer(shop: Shop) -> None:
    saved(shop)
    response = post(shop, "/plan/event", based_on="0", name="wish", description="Typed before")
    assert response.status_code == 409
    assert "Version 1 was saved since" in response.text
    assert "Typed before" in response.text
    assert list(current(shop).events) == ["search"]


def test_a_second_click_saves_nothing_more(shop: Shop) -> None:
    assert post(shop, "/plan/event", name="wish").status_code == 302
    assert post(shop, "/plan/event", name="wish", based_on="0").status_code == 409
    assert versions(shop) == 1


def test_the_file_is_given_and_taken_again(shop: Shop) -> None:
    saved(shop)
    response = shop.client("member").get(f"{shop.base}/plan/file")
    assert response.data.decode() == format_plan(SEARCH)
    assert 'filename="tracking-plan-my-shop-v1.json"' in response.headers["Content-Disposition"]
    saved(shop, Plan())
    upload = (io.BytesIO(response.data), "plan.json")
    assert post(shop, "/plan/file", page="/plan/versions", file=upload).status_code == 302
    assert current(shop) == SEARCH


def test_the_file_of_a_project_without_a_plan_is_an_empty_one(shop: Shop) -> None:
    assert shop.client("owner").get(f"{shop.base}/plan/file").get_json() == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Choose a file"),
        ("%PDF-1.7", "The file is no JSON"),
        (
            '{"events":{"search":{"properties":{"query":{"type":"string"}}}}}',
            "events.search.properties.query.type",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(shop: Shop, text: str, says: str) -> None:
    response = post(shop, "/plan/file", plan=text)
    assert response.status_code == 422
    assert says in unescape(response.text)
    upload = (io.BytesIO(text.encode("utf-16")), "plan.json")
    assert post(shop, "/plan/file", file=upload).status_code == 422
    assert versions(shop) == 0


def test_versions_say_who_when_and_what_changed_and_can_be_restored(shop: Shop) -> None:
    saved(shop)
    post(shop, "/plan/event", name="search", **rows({"path": "query", "type": "text"}))
    page = unescape(shop.page("/plan/versions", "member"))
    for text in (
        "Version 2",
        "olga@shop.example",
        "a test",
        "search.query.required",
        "yes → no",
        "Version 1",
    ):
        assert text in page, text
    response = post(shop, "/plan/restore", version="1")
    assert response.status_code == 302
    assert current(shop) == SEARCH
    assert versions(shop) == 3
    assert post(shop, "/plan/restore", version="77").status_code == 404


def test_a_plan_is_learned_from_what_arrived(shop: Shop) -> None:
    for number in range(25):
        shop.happened(
            shop.event(event="search", visitor=f"v{number}", properties={"query": "mug", "hits": number}),
            shop.event(event="order", visitor=f"v{number}", order_id=str(number), properties={"gift": True}),
        )
    page = shop.page("/plan/learn")
    taken = [unescape(text) for text in re.findall(r'name="take" value="([^"]*)"', page)]
    assert [msgspec.json.decode(text) for text in taken] == [
        {"event": "order", "path": "gift", "rule": {"type": "boolean", "required": True}},
        {"event": "search"},
        {"event": "search", "path": "hits", "rule": {"type": "integer", "required": True}},
        {"event": "search", "path": "query", "rule": {"type": "text", "required": True}},
    ]
    assert "such as mug" in page
    assert post(shop, "/plan/learn", take=taken[:1] + taken[1:2] + taken[3:]).status_code == 302
    assert current(shop) == Plan(events={
        "order": EventRule(properties={"gift": PropertyRule("boolean", True)}),
        "search": EventRule(properties={"query": PropertyRule("text", True)}),
    })  # fmt: skip
    again = shop.page("/plan/learn")
    assert "hits" in again
    assert "New event" not in again


def test_only_one_event_can_be_taken_of_what_was_learned(shop: Shop) -> None:
    take = ['{"event":"a"}', '{"event":"b"}', '{"event":"b","path":"p","rule":{"type":"text"}}']
    post(shop, "/plan/learn", take=take, only="b")
    assert current(shop).events == {"b": EventRule(properties={"p": PropertyRule("text")})}


def test_a_damaged_proposal_is_refused(shop: Shop) -> None:
    assert post(shop, "/plan/learn", take="{").status_code == 400
    assert versions(shop) == 0


ACTIONS = (
    "/plan/event",
    "/plan/properties",
    "/plan/event/remove",
    "/plan/unplanned",
    "/plan/learn",
    "/plan/file",
    "/plan/restore",
)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_member_sees_the_plan_and_cannot_change_it(shop: Shop, action: str) -> None:
    saved(shop)
    assert (
        post(
            shop, action, "member", name="search", unplanned_events="tell", plan="{}", version="1"
        ).status_code
        == 403
    )
    assert versions(shop) == 1


@pytest.mark.parametrize(
    "page", ["/plan", "/plan/event?name=search", "/plan/properties", "/plan/learn", "/plan/versions"]
)
def test_a_member_is_offered_no_change(shop: Shop, page: str) -> None:
    saved(shop)
    shop.happened(shop.event(event="wish", properties={"a": 1}))
    text = shop.page(page, "member")
    main = text[text.index("<main") :]
    assert re.findall(r"<button(?![^>]*data-)[^>]*>", main) == []


@pytest.mark.parametrize("path", ["/plan", "/plan/event", "/plan/learn", "/plan/versions", "/plan/file"])
def test_for_a_stranger_the_plan_does_not_exist(shop: Shop, path: str) -> None:
    saved(shop)
    assert shop.client("stranger").get(shop.base + path).status_code == 404
    assert shop.client().get(shop.base + path).status_code == 302


@pytest.mark.parametrize("action", ACTIONS)
def test_a_form_without_its_token_changes_nothing(shop: Shop, action: str) -> None:
    saved(shop)
    form = {"name": "search", "unplanned_events": "tell", "plan": "{}", "version": "1", "based_on": "1"}
    assert shop.client("owner").post(shop.base + action, data=form).status_code == 400
    assert versions(shop) == 1


def test_hostile_names_stay_text(shop: Shop) -> None:
    evil = '"><script>alert(1)</script>'
    saved(
        shop,
        Plan(
            events={
                evil: EventRule(
                    evil, properties={f"p{evil}".replace(".", ""): PropertyRule(description=evil)}
                )
            }
        ),
    )
    shop.happened(shop.event(event=f"x{evil}", properties={f"q{evil}": evil}))
    for page in (
        "/plan",
        "/plan/learn",
        "/plan/versions",
        "/plan/event?name=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        text = shop.page(page)
        assert "<script>alert" not in text
        assert forbidden_in(text) == [], page


def test_a_page_whose_form_was_cut_off_says_so(shop: Shop) -> None:
    client = shop.client("owner")
    response = send(client, f"{shop.base}/plan", f"{shop.base}/plan/unplanned", unplanned_events="tell")
    assert response.status_code == 400


QUARANTINED = {
    "reason": "against_plan",
    "event": "search",
    "detail": "The tracking plan sets this event aside for missing:query.",
    "message": '{"event":"search","tracking_id":"v","properties":{"q":"mug"}}',
}


@pytest.mark.parametrize(
    ("to", "verdict"),
    [
        ("properties.query", "It would be taken."),
        (
            "properties.other",
            "It would come back: The tracking plan sets this event aside for missing:query.",
        ),
    ],
)
def test_the_preview_of_a_mended_message_is_judged_by_the_plan(shop: Shop, to: str, verdict: str) -> None:
    rules = {"query": PropertyRule(type="text", required=True)}
    saved(shop, Plan(events={"search": EventRule(on_violation="quarantine", properties=rules)}))
    set_aside(shop.parts.store, shop.project_id, **QUARANTINED)
    page = shop.page(f"/quarantine?reason=against_plan&rule=rename&at=properties.q&value={to}")
    assert verdict in page
    assert "Against the tracking plan" in page


def test_a_replay_is_judged_by_the_plan_of_now(queued_shop: Shop) -> None:
    shop = queued_shop
    with shop.parts.sessions.begin() as db:
        plan_id = save_plan(db, shop.project_id, SEARCH, saved_by="a test").id
    set_aside(shop.parts.store, shop.project_id, **QUARANTINED)
    page = shop.page("/quarantine")
    [chosen] = re.findall(r'id="q-([0-9a-f]{32})"', page)
    answer = send(
        shop.client("owner"), f"{shop.base}/quarantine", f"{shop.base}/quarantine/replay", id=chosen
    )
    assert answer.location.endswith("replayed=1")
    entries: list[bytes] = []
    for view in map(shop.parts.stream.partition, range(2)):
        if view.lease() and (batch := view.claim(10)):
            entries += batch.entries
    assert [parse_envelope(entry).plan_id for entry in entries] == [plan_id]
