"""The settings say how long events are kept; what goes is shown before it is saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shopalytic.accounts.models import Project
from tests.factories import make_order
from tests.web.conftest import Shop, send


@pytest.fixture
def old_order(shop: Shop) -> None:
    shop.happened(make_order(order_id="17", project_id=shop.project_id, at="2020-03-04 12:00:00"))


def save(shop: Shop, who: str = "owner", **form: str) -> tuple[int, str]:
    client, path = shop.client(who), f"{shop.base}/settings"
    answer = send(client, path, f"{path}/retention", **form)
    return answer.status_code, answer.text


def kept(shop: Shop) -> int | None:
    with shop.parts.sessions() as db:
        return db.get_one(Project, shop.project_id).retention_months


@pytest.mark.usefixtures("old_order")
def test_what_goes_is_shown_before_it_is_saved(shop: Shop) -> None:
    status, page = save(shop, retention_months="12")
    assert status == 200
    assert "Keep events for 12 months" in page
    assert "4\N{NO-BREAK SPACE}Mar\N{NO-BREAK SPACE}2020" in page
    assert kept(shop) is None
    status, page = save(shop, retention_months="12", word="yes")
    assert (status, kept(shop)) == (422, None)
    assert "Type delete to confirm." in page
    assert save(shop, retention_months="12", word=" DELETE ")[0] == 302
    assert kept(shop) == 12
    assert 'value="12"' in shop.page("/settings")


@pytest.mark.usefixtures("old_order")
def test_what_deletes_nothing_is_saved_at_once(shop: Shop) -> None:
    assert save(shop, retention_months="120")[0] == 302
    assert kept(shop) == 120
    assert save(shop, retention_months=" ")[0] == 302
    assert kept(shop) is None


@pytest.mark.parametrize("months", ["0", "121", "-1", "1.5", "twelve", "9" * 40, "٣"])
def test_what_is_no_number_of_months_is_refused_and_stays_in_the_field(shop: Shop, months: str) -> None:
    status, page = save(shop, retention_months=months)
    assert (status, kept(shop)) == (422, None)
    assert "for ever" in page
    assert f'value="{months}"' in page


def test_a_member_sees_it_but_may_not_change_it(shop: Shop) -> None:
    assert "Months for which events are kept" in shop.page("/settings", "member")
    assert save(shop, "member", retention_months="1")[0] == 403
    assert kept(shop) is None


def test_addresses_are_stored_once_an_owner_says_so(shop: Shop) -> None:
    client, path = shop.client("owner"), f"{shop.base}/settings"

    def stores() -> bool:
        with shop.parts.sessions() as db:
            return db.get_one(Project, shop.project_id).keeps_addresses

    assert stores() is False
    assert send(client, path, f"{path}/addresses", keeps_addresses="on").status_code == 302
    assert stores() is True
    assert 'name="keeps_addresses" checked' in shop.page("/settings")
    assert send(shop.client("member"), path, f"{path}/addresses").status_code == 403
    assert send(client, path, f"{path}/addresses").status_code == 302
    assert stores() is False


def test_a_report_over_deleted_days_says_so(shop: Shop) -> None:
    shop.happened(shop.event())
    assert "is not kept" not in shop.page("/")
    with shop.parts.sessions.begin() as db:
        project = db.get_one(Project, shop.project_id)
        project.events_deleted_before = datetime.now(UTC) - timedelta(days=10)
    assert "is not kept" in shop.page("/?days=30")
    assert "is not kept" not in shop.page("/?days=7")
