"""The owner, a team member, and a stranger who must see nothing. Every page of the dashboard is tried."""

from __future__ import annotations

from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from shopalytic.accounts.keys import list_keys
from shopalytic.accounts.models import Key, Project, User
from shopalytic.app import create_app
from shopalytic.parts import Parts
from shopalytic.web.dashboard.access import pages
from tests.web.conftest import CSRF, Shop, send


def addresses(shop: Shop) -> list[tuple[str, str]]:
    """(method, address) of every page and form of a project."""
    found = []
    for rule in shop.app.url_map.iter_rules():
        if rule.endpoint.startswith(f"{pages.name}."):
            found += [(method, _fill(rule, shop)) for method in (rule.methods or set()) & {"GET", "POST"}]
    assert len(found) >= 12
    return found


def _fill(rule: Rule, shop: Shop) -> str:
    values = {"project_id": shop.project_id, "customer_id": uuid4(), "key_id": 1, "kind": "forget"}
    values |= {"conflict_id": 1, "action": "never", "never_id": 1}
    values |= {"link_id": 1, "other_id": uuid4(), "decision_id": uuid4(), "stop_id": uuid4()}
    with shop.app.test_request_context():
        return str(shop.app.url_map.bind("").build(rule.endpoint, {k: values[k] for k in rule.arguments}))


def test_a_stranger_finds_nothing_anywhere(shop: Shop) -> None:
    client = shop.client("stranger")
    token = _session_token(client)
    for method, address in addresses(shop):
        response = client.open(address, method=method, data={"csrf_token": token})
        assert response.status_code == 404, f"{method} {address}"
        assert "My shop" not in response.text


def test_a_stranger_cannot_tell_a_project_from_none(shop: Shop) -> None:
    client = shop.client("stranger")
    theirs = client.get(f"{shop.base}/settings")
    nobodys = client.get("/projects/999999/settings")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.text == nobodys.text


def test_who_has_not_signed_in_is_asked_to(shop: Shop) -> None:
    for method, address in addresses(shop):
        if method == "GET":
            response = shop.client().get(address)
            assert response.status_code == 302, address
            assert response.location.startswith("/sign-in?next="), address


def test_a_part_of_a_page_sends_the_whole_page_to_sign_in(shop: Shop) -> None:
    response = shop.client().get(f"{shop.base}/live/new", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/sign-in")


@pytest.mark.parametrize(
    "path", ["/", "/live", "/customers", "/conflicts", "/quarantine", "/violations", "/settings"]
)
@pytest.mark.parametrize("who", ["owner", "member"])
def test_the_team_sees_the_pages(shop: Shop, who: str, path: str) -> None:
    assert "My shop" in shop.page(path, who)


def _can_be_taken_back(address: str) -> bool:
    return any(part in address for part in ("/identity/", "/decisions/", "/reopen"))


def test_a_member_may_change_nothing_for_good(shop: Shop) -> None:
    """Who is who he may decide, since each decision can be taken back."""
    client = shop.client("member")
    token = _session_token(client)
    posts = [
        address for method, address in addresses(shop) if method == "POST" and not _can_be_taken_back(address)
    ]
    assert len(posts) >= 5
    for address in posts:
        assert client.post(address, data={"csrf_token": token}).status_code == 403, address
    with shop.parts.sessions() as db:
        assert [key.revoked_at for key in list_keys(db, shop.project_id)] == [None]


def test_no_form_works_without_its_token(shop: Shop) -> None:
    client = shop.client("owner")
    for method, address in addresses(shop):
        if method == "POST":
            response = client.post(address)
            assert response.status_code == 400, address
            assert "form is too old" in response.text


def test_another_projects_key_cannot_be_revoked(shop: Shop) -> None:
    with shop.parts.sessions.begin() as db:
        other = Project(name="Theirs", origins=[])
        db.add(other)
        db.flush()
        key = Key(project_id=other.id, kind="token", value="sha_pub_theirs")
        db.add(key)
        db.flush()
        key_id = key.id
    response = send(
        shop.client("owner"), f"{shop.base}/settings", f"{shop.base}/settings/keys/{key_id}/revoke"
    )
    assert response.status_code == 404
    with shop.parts.sessions() as db:
        assert db.get_one(Key, key_id).revoked_at is None


def test_another_projects_customer_is_not_found(shop: Shop) -> None:
    theirs = shop.event(project_id=shop.project_id + 500_000_000)
    shop.happened(theirs)
    response = shop.client("owner").get(f"{shop.base}/customers/{theirs.customer_id}")
    assert response.status_code == 404


def test_a_removed_user_is_signed_out(shop: Shop) -> None:
    client = shop.client("member")
    with shop.parts.sessions.begin() as db:
        db.delete(db.query(User).filter_by(email="max@shop.example").one())
    assert client.get(f"{shop.base}/").status_code == 302


def test_every_page_is_safe_to_show(shop: Shop) -> None:
    for who, path in (("owner", "/"), ("owner", "/settings"), ("stranger", "/live"), (None, "/live")):
        headers = shop.client(who).get(shop.base + path).headers
        assert "'unsafe" not in headers["Content-Security-Policy"]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_two_applications_in_one_process_do_not_mix(parts: Parts) -> None:
    first, second = (create_app(parts.settings, parts) for _ in range(2))
    assert first.test_client().get("/sign-in").status_code == 200
    assert second.test_client().get("/sign-in").status_code == 200


def _session_token(client: FlaskClient) -> str:
    """What the browser's forms carry; some form is on every page, were it only that for signing out."""
    token = CSRF.search(client.get("/", follow_redirects=True).text)
    assert token
    return token[1]
