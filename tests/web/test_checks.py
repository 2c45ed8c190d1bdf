"""What the nightly check shows in the dashboard. What it finds is in tests/audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from shopalytic.accounts.models import IdentityCheck
from shopalytic.audit.record import ROWS_WRONG, Sample
from shopalytic.web.dashboard.checks import tell_when
from tests.web.conftest import CSRF, Shop

NOW = datetime.now(UTC)
CUSTOMER = UUID(int=0x1234 << 96)


def checked(shop: Shop, *, differences: int = 0, mended: int = 0, **more: Any) -> None:
    sample = Sample(ROWS_WRONG, "tracking_id", UUID(int=1), CUSTOMER, UUID(int=2), 3)
    values: dict[str, Any] = {
        "started_at": NOW, "done_at": NOW, "asked_by": "schedule", "step": "done", "plan": {}, "customers": 40_000,
        "entries": 212_000, "rows": 1_000_000,
        "samples": msgspec.to_builtins([sample] if differences else []),
    }  # fmt: skip
    with shop.parts.sessions.begin() as db:
        db.add(
            IdentityCheck(project_id=shop.project_id, differences=differences, mended=mended, **values | more)
        )


def press(shop: Shop, who: str, wish: str) -> Any:
    client = shop.client(who)
    token = CSRF.search(client.get(f"{shop.base}/settings").text)
    assert token is not None
    return client.post(f"{shop.base}/settings/identity-check", data={"wish": wish, "csrf_token": token[1]})


def running(shop: Shop) -> list[IdentityCheck]:
    with shop.parts.sessions() as db:
        return db.query(IdentityCheck).filter_by(project_id=shop.project_id, done_at=None).all()


def test_before_the_first_night_the_settings_say_so(shop: Shop) -> None:
    assert "Not checked yet." in shop.page("/settings")


def test_a_night_without_differences_is_told_quietly_on_both_pages(shop: Shop) -> None:
    checked(shop)
    shop.happened(shop.event())
    for page in ("/settings", "/"):
        text = shop.page(page)
        assert (
            "40,000 customers rebuilt from 212,000 entries, 1,000,000 events compared: all the same." in text
        )
        assert "Mend</button>" not in text


def test_differences_are_told_in_red_on_both_pages_with_whom_they_are_about(shop: Shop) -> None:
    checked(shop, differences=2)
    shop.happened(shop.event())
    assert "2 differences found. Figures by customer may be wrong." in shop.page("/")
    settings = shop.page("/settings")
    assert "Events count as somebody else&#39;s in reports." in settings
    assert f"/customers/{CUSTOMER}" in settings
    assert "and 1 more" in settings
    assert "Mend</button>" in settings


def test_what_was_mended_is_no_alarm(shop: Shop) -> None:
    checked(shop, differences=1, mended=1, mends=True)
    shop.happened(shop.event())
    text = shop.page("/")
    assert "1 difference found and mended." in text
    assert 'role="alert"' not in text


def test_a_sandbox_is_not_checked(shop: Shop) -> None:
    checked(shop, differences=2)
    assert "differences found" not in shop.client("owner").get(f"{shop.base}-sandbox/").text


def test_an_owner_begins_a_check_and_sees_it_under_way(shop: Shop) -> None:
    assert press(shop, "owner", "check").status_code == 302
    assert [(one.mends, one.asked_by.partition(":")[0]) for one in running(shop)] == [(False, "user")]
    text = shop.page("/settings")
    assert "Under way: 0 customers rebuilt from 0 entries" in text
    assert "Check now" not in text


def test_pressed_twice_one_check_is_begun(shop: Shop) -> None:
    press(shop, "owner", "check")
    assert press(shop, "owner", "check").status_code == 302
    assert len(running(shop)) == 1


def test_mending_is_begun_by_an_owner_alone(shop: Shop) -> None:
    checked(shop, differences=1)
    assert press(shop, "member", "mend").status_code == 403
    assert running(shop) == []
    assert "Mend</button>" not in shop.page("/settings", "member")
    assert press(shop, "owner", "mend").status_code == 302
    assert [one.mends for one in running(shop)] == [True]


def test_another_wish_is_refused(shop: Shop) -> None:
    assert press(shop, "owner", "nothing").status_code == 400


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (timedelta(hours=6, minutes=48), "last night at 03:12"),
        (timedelta(hours=1), "today at 09:00"),
        (timedelta(days=1, hours=6, minutes=48), "on 14\N{NO-BREAK SPACE}Jan\N{NO-BREAK SPACE}2026, 03:12"),
        (timedelta(hours=13), "on 14\N{NO-BREAK SPACE}Jan\N{NO-BREAK SPACE}2026, 21:00"),
    ],
)
def test_an_instant_is_told_in_the_projects_zone(ago: timedelta, told: str) -> None:
    now = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    assert tell_when(now - ago, "Europe/Berlin", now) == told
