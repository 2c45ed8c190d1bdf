"""Hook keys on the settings page: made, shown once, given another secret, revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from shopalytic.accounts.keys import list_keys, make_key
from shopalytic.accounts.models import Key, Project
from shopalytic.collector.hooks.door import PLATFORMS as TAKEN
from shopalytic.web.dashboard.platforms import PLATFORMS
from tests.web.conftest import Shop, send

HOOK_KEY = re.compile(r"sha_hok_[A-Za-z0-9]{24}")


def hooks(shop: Shop) -> list[Key]:
    with shop.parts.sessions() as db:
        return [key for key in list_keys(db, shop.project_id) if key.kind == "hook"]


def make(shop: Shop, **form: str) -> str:
    page, action = f"{shop.base}/settings", f"{shop.base}/settings/hooks"
    return send(shop.client("owner"), page, action, **form).text


def test_a_new_hook_key_comes_with_the_address_for_each_platform_and_its_secret_once(shop: Shop) -> None:
    page = make(shop)
    (key,) = hooks(shop)
    assert key.signing_secret is not None
    for name in TAKEN:
        assert f"http://localhost/hooks/{name}/{key.value}" in page
    assert key.signing_secret in page
    later = shop.page("/settings")
    assert f"http://localhost/hooks/shopify/{key.value}" in later
    assert key.signing_secret not in later


def test_the_page_knows_the_platforms_that_are_taken() -> None:
    assert [platform.name for platform in PLATFORMS] == list(TAKEN)


def test_the_platforms_own_secret_is_taken_and_can_be_replaced(shop: Shop) -> None:
    make(shop, signing_secret="shopifys own secret")
    (key,) = hooks(shop)
    assert key.signing_secret == "shopifys own secret"
    page, action = f"{shop.base}/settings", f"{shop.base}/settings/keys/{key.id}/signing-secret"
    answer = send(shop.client("owner"), page, action, signing_secret="another secret")
    assert "Saved." in answer.text
    assert "another secret" not in answer.text
    assert [one.signing_secret for one in hooks(shop)] == ["another secret"]


def test_a_secret_that_cannot_be_one_is_refused_with_the_reason(shop: Shop) -> None:
    page = make(shop, signing_secret="short")
    assert "A signing secret has 8 to 255 printable characters." in page
    assert hooks(shop) == []


def test_only_a_hook_key_has_a_signing_secret(shop: Shop) -> None:
    with shop.parts.sessions() as db:
        (token,) = list_keys(db, shop.project_id)
    page, action = f"{shop.base}/settings", f"{shop.base}/settings/keys/{token.id}/signing-secret"
    answer = send(shop.client("owner"), page, action, signing_secret="long enough")
    assert answer.status_code == 422
    assert "Only a hook key has a signing secret." in answer.text


def test_a_revoked_hook_key_is_no_longer_offered(shop: Shop) -> None:
    make(shop)
    (key,) = hooks(shop)
    page, action = f"{shop.base}/settings", f"{shop.base}/settings/keys/{key.id}/revoke"
    answer = send(shop.client("owner"), page, action)
    assert answer.location.endswith("/settings?saved=hooks#hooks")
    later = shop.page("/settings")
    assert f"/hooks/shopify/{key.value}" not in later
    assert "1 revoked" in later
    assert "No hook key is in force" in later


def test_a_member_sees_the_addresses_and_may_change_nothing(shop: Shop) -> None:
    make(shop)
    (key,) = hooks(shop)
    page = shop.page("/settings", "member")
    assert f"/hooks/woocommerce/{key.value}" in page
    assert "signing_secret" not in page
    assert "New hook key" not in page


def test_another_projects_hook_key_stays_as_it_is(shop: Shop) -> None:
    with shop.parts.sessions.begin() as db:
        other = Project(name="Theirs", origins=[])
        db.add(other)
        db.flush()
        theirs = make_key(db, other.id, "hook").key.id
    action = f"{shop.base}/settings/keys/{theirs}/signing-secret"
    answer = send(shop.client("owner"), f"{shop.base}/settings", action, signing_secret="long enough")
    assert answer.status_code == 404


def test_a_used_hook_key_says_when(shop: Shop) -> None:
    make(shop)
    assert "not used yet" in shop.page("/settings")
    with shop.parts.sessions.begin() as db:
        key = db.get_one(Key, hooks(shop)[0].id)
        key.last_used_at = datetime.now(UTC) - timedelta(hours=3)
    page = shop.page("/settings")
    assert "not used yet" not in page
    assert "last used 3\xa0h ago" in page
