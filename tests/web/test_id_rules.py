"""The settings of ids: types with their limits, and ids that mean nobody."""

from __future__ import annotations

import pytest

from shopalytic.identity.id_rules import RuleChoice, choice_of, list_rules
from shopalytic.identity.ids import origin_id
from shopalytic.identity.never import erase_never, list_never
from shopalytic.web.dashboard.id_rules import tell
from tests.web.conftest import Shop, send

PAGE = "/settings/ids"


def save(shop: Shop, who: str = "owner", **form: str) -> tuple[int, str]:
    client = shop.client(who)
    answer = send(client, shop.base + PAGE, shop.base + PAGE, **form)
    text = client.get(answer.location).text if answer.status_code == 302 else answer.text
    return answer.status_code, text


def rules(shop: Shop, id_type: str) -> list[RuleChoice]:
    with shop.parts.sessions() as db:
        return [choice_of(row) for row in list_rules(db, shop.project_id, id_type)]


def test_the_types_of_the_ledger_are_listed_with_what_they_do(shop: Shop) -> None:
    shop.identified("laptop", "42")
    text = shop.page(PAGE)
    assert "user_id" in text
    assert "1 id<" in text
    assert "1 browser<" in text
    assert "A customer has any number of browsers. After 100 new links with ids in a day" in text
    assert "No id is on the list." in text


def test_a_type_is_made_unique_and_soft_ones_are_marked(shop: Shop) -> None:
    status, text = save(shop, type="card", links="hard", max_per_customer="1", new_links_per_day="")
    assert (status, "Saved for <code>card</code>" in text) == (302, True)
    assert rules(shop, "card") == [RuleChoice(max_per_customer=1, new_links_per_day=None)]
    assert "A customer has one id. New links are not limited." in text
    save(shop, type="device", links="soft", max_per_customer="", new_links_per_day="100")
    assert rules(shop, "device") == [RuleChoice(is_hard=False)]
    assert "does not link" in shop.page(PAGE)
    assert "olga@shop.example" in shop.page(PAGE)


def test_it_is_told_how_many_customers_have_more_than_a_new_limit(shop: Shop) -> None:
    for visitor in ("laptop", "phone", "tablet"):
        shop.identified(visitor, "42")
    _, text = save(shop, type="tracking_id", max_per_customer="2", new_links_per_day="100")
    assert "1 customer has more than that today, and keeps them." in text


def test_saving_what_is_set_already_says_so_and_adds_nothing(shop: Shop) -> None:
    _, text = save(shop, type="user_id", max_per_customer="", new_links_per_day="100")
    assert "nothing was changed" in text
    assert rules(shop, "user_id") == []


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"type": "card", "max_per_customer": "0"}, "max_per_customer is 0"),
        ({"type": "card", "max_per_customer": "two"}, "At most per customer: write a whole number"),
        ({"type": "card", "new_links_per_day": "1.5"}, "New links a day: write a whole number"),
        ({"type": "card", "links": "maybe"}, "Choose what an id of this type does."),
        ({"type": "card", "links": "told"}, "Only an e-mail address"),
        ({"type": "user_id", "links": "soft"}, "cannot be chosen"),
        ({"type": " "}, "An id&#39;s type is a text."),
    ],
)
def test_what_cannot_be_set_is_told_and_what_was_typed_stays(
    shop: Shop, form: dict[str, str], sentence: str
) -> None:
    status, text = save(shop, **form)
    assert status == 422
    assert sentence in text
    assert rules(shop, "card") == []
    assert form.get("max_per_customer", "") in text


def test_an_id_is_put_on_the_list_and_taken_off_and_a_second_click_does_no_more(shop: Shop) -> None:
    client, page = shop.client("owner"), shop.base + PAGE
    for _ in range(2):
        assert (
            send(client, page, f"{page}/never", type="email", value=" Till@Shop.Example ").status_code == 302
        )
    assert "till@shop.example" in shop.page(PAGE)
    with shop.parts.sessions() as db:
        [row] = list_never(db, shop.project_id)
    for _ in range(2):
        assert send(client, page, f"{page}/never/{row.id}/remove").status_code == 302
    assert "taken off, counts no more from" in shop.page(PAGE)
    assert "/remove" not in shop.page(PAGE)
    assert send(client, page, f"{page}/never/999/remove").status_code == 404


def test_an_id_that_is_nobodys_anyway_is_refused_with_the_reason(shop: Shop) -> None:
    client, page = shop.client("owner"), shop.base + PAGE
    answer = send(client, page, f"{page}/never", type="user_id", value="undefined")
    assert answer.status_code == 422
    assert "identifies nobody" in answer.text
    assert 'value="undefined"' in answer.text


def test_an_erased_persons_id_is_not_shown(shop: Shop) -> None:
    client, page = shop.client("owner"), shop.base + PAGE
    send(client, page, f"{page}/never", type="user_id", value="jon-4711")
    with shop.parts.sessions.begin() as db:
        erase_never(db, shop.project_id, [("user_id", "jon-4711")], [], "a key")
    assert "jon-4711" not in shop.page(PAGE)
    assert "of an erased person" in shop.page(PAGE)


def test_a_member_sees_the_settings_and_finds_nothing_to_press(shop: Shop) -> None:
    save(shop, type="card", max_per_customer="3", new_links_per_day="")
    text = shop.page(PAGE, "member")
    assert "at most 3 ids" in text
    main = text.partition('<main id="main"')[2]
    assert "<button" not in main
    status, _ = save(shop, "member", type="card", max_per_customer="4")
    assert (status, len(rules(shop, "card"))) == (403, 1)


def test_a_limit_is_told_in_a_sentence() -> None:
    assert tell("tracking_id", RuleChoice(max_per_customer=1, new_links_per_day=1)) == (
        "A customer has one browser. After 1 new link with ids in a day, further ones wait."
    )
    assert tell("email", RuleChoice(is_told_by_property=True, new_links_per_day=None)).startswith(
        "Counts as an id where a property tells it, too."
    )
    assert tell("device", RuleChoice(is_hard=False)) == "Kept with the event, links nobody."


def test_the_search_finds_who_used_a_device_by_its_soft_id(shop: Shop) -> None:
    save(shop, type="device", links="soft")
    customer = shop.identified("device:pad-1", "42", first_name="Anna")
    shop.happened(shop.event(visitor="device:pad-2"))
    assert str(customer) in shop.page("/customers?q=pad-1")
    lonely = origin_id(shop.project_id, "tracking_id", "device:pad-2")
    assert str(lonely) in shop.page("/customers?q=pad-2")
    assert str(lonely) not in shop.page("/customers?q=pad-3")
