"""Signing in and out, and what keeps somebody who guesses out."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shopalytic.accounts.models import User
from shopalytic.accounts.sign_in_links import make_link_text
from shopalytic.accounts.users import create_user, set_password
from shopalytic.app import create_app
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from tests.servers import running_valkey
from tests.web.conftest import Shop, send

PASSWORD = "four small words"
SECRET = "a key of tests"


@pytest.fixture
def first_client(parts: Parts) -> FlaskClient:
    """A browser at a server that nobody has signed in to."""
    return create_app(parts.settings, parts).test_client()


@pytest.fixture
def ann(shop: Shop) -> str:
    with shop.parts.sessions.begin() as db:
        return create_user(db, "ann@shop.example", PASSWORD).email


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD, **form: str) -> TestResponse:
    return send(client, "/sign-in", "/sign-in", email=email, password=password, **form)


def test_the_one_time_link_makes_the_first_user(first_client: FlaskClient) -> None:
    link = f"/sign-in/link/{make_link_text(SECRET, None)}"
    assert "You are the first user" in first_client.get(link).text
    response = send(first_client, link, link, email="Ann@shop.example", password=PASSWORD)
    assert (response.status_code, response.location) == (302, "/")
    assert "Nothing is shared with ann@shop.example" in first_client.get("/").text


def test_opening_the_link_does_not_use_it_up(first_client: FlaskClient) -> None:
    """Mail scanners and previews open links too."""
    link = f"/sign-in/link/{make_link_text(SECRET, None)}"
    for _ in range(3):
        assert first_client.get(link).status_code == 200


def test_a_used_link_says_so(shop: Shop) -> None:
    response = shop.client().get(f"/sign-in/link/{make_link_text(SECRET, None)}")
    assert response.status_code == 400
    assert "This link was used already" in response.text


def test_a_refused_password_keeps_the_address_and_the_link(first_client: FlaskClient) -> None:
    link = f"/sign-in/link/{make_link_text(SECRET, None)}"
    response = send(first_client, link, link, email="ann@shop.example", password="short")
    assert response.status_code == 422
    assert "at least 10 characters" in response.text
    assert 'value="ann@shop.example"' in response.text
    assert send(first_client, link, link, email="ann@shop.example", password=PASSWORD).status_code == 302


def test_who_forgot_the_password_sets_a_new_one(shop: Shop, ann: str) -> None:
    with shop.parts.sessions() as db:
        link = f"/sign-in/link/{make_link_text(SECRET, db.query(User).filter_by(email=ann).one())}"
    client = shop.client()
    assert ann in client.get(link).text
    assert send(client, link, link, password="another four words").status_code == 302
    assert sign_in(shop.client(), ann, "another four words").status_code == 302
    assert sign_in(shop.client(), ann, PASSWORD).status_code == 422


def test_a_server_without_users_tells_where_the_link_is(first_client: FlaskClient) -> None:
    assert "Nobody has signed in here yet" in first_client.get("/sign-in").text


def test_the_right_password_opens_the_page_that_was_asked_for(shop: Shop, ann: str) -> None:
    wanted = f"{shop.base}/live?event=order"
    response = sign_in(shop.client(), ann, next=wanted)
    assert (response.status_code, response.location) == (302, wanted)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/projects/1",
        "/\\evil.example",
        "/projects/\\..",
        "javascript:x",
    ],
)
def test_signing_in_leads_to_no_other_server(shop: Shop, ann: str, elsewhere: str) -> None:
    assert sign_in(shop.client(), ann, next=elsewhere).location == "/"


@pytest.mark.parametrize(
    ("email", "password"), [("ann@shop.example", "wrong words"), ("bob@shop.example", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_address_look_alike(
    shop: Shop, ann: str, email: str, password: str
) -> None:
    response = sign_in(shop.client(), email, password)
    assert response.status_code == 422
    assert "do not fit together" in response.text


def test_signing_out_ends_the_session(shop: Shop) -> None:
    client = shop.client("owner")
    assert send(client, f"{shop.base}/", "/sign-out").location == "/sign-in"
    assert client.get(f"{shop.base}/").status_code == 302


def test_signing_in_begins_a_new_session(shop: Shop, ann: str) -> None:
    client = shop.client()
    with client.session_transaction() as session:
        session["left by somebody else"] = True
    sign_in(client, ann)
    with client.session_transaction() as session:
        assert "left by somebody else" not in session


def test_a_new_password_signs_every_other_browser_out(shop: Shop, ann: str) -> None:
    client = shop.client()
    sign_in(client, ann)
    assert client.get("/").status_code == 200
    with shop.parts.sessions.begin() as db:
        set_password(db.query(User).filter_by(email=ann).one(), "another four words")
    assert client.get("/").location == "/sign-in"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(shop: Shop, ann: str) -> None:
    cookie = sign_in(shop.client(), ann).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookie_stays_there(shop: Shop) -> None:
    response = shop.client().get("/sign-in", base_url="https://stats.example")
    assert "Secure" in response.headers["Set-Cookie"]


def test_somebody_who_guesses_is_stopped(shop: Shop, ann: str) -> None:
    client = shop.client()
    answers = [sign_in(client, ann, f"guess number {n}").status_code for n in range(12)]
    assert answers == [422] * 10 + [429] * 2
    response = sign_in(client, ann)
    assert response.status_code == 429
    assert "Too many attempts" in response.text


def test_signing_in_often_is_no_guessing(shop: Shop, ann: str) -> None:
    assert {sign_in(shop.client(), ann).status_code for _ in range(15)} == {302}


def test_web_processes_count_guesses_together(shop: Shop, ann: str) -> None:
    with running_valkey() as queue_url:
        settings = Settings(data_dir=shop.parts.settings.data_dir, secret_key=SECRET, redis_url=queue_url)
        parts = Parts(settings, shop.parts.sessions, shop.parts.store, shop.parts.stream)
        clients = [create_app(settings, parts).test_client() for _ in range(2)]
        answers = [sign_in(clients[n % 2], ann, f"guess number {n}").status_code for n in range(11)]
    assert answers == [422] * 10 + [429]
