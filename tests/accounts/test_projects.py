"""Projects and their keys, origins, time zones and currencies."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.keys import get_key, list_keys, list_tokens, make_key, revoke_key, rotate_key
from shopalytic.accounts.models import Key
from shopalytic.accounts.origins import parse_origin, parse_origins
from shopalytic.accounts.projects import create_project, get_project, list_projects
from shopalytic.errors import ConfigurationError, NotFound


def test_a_project_has_a_token_and_a_secret_key(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        made = create_project(db, " My  shop ", time_zone="Europe/London", currency="gbp")
    with sessions() as db:
        project = get_project(db, made.project.id)
        assert (project.name, project.time_zone, project.currency) == ("My shop", "Europe/London", "GBP")
        assert project.origins == []
        assert [key.kind for key in list_keys(db, project.id)] == ["token", "secret"]
        assert list_tokens(db, project.id) == [made.token]
    assert made.token.startswith("sha_pub_")
    assert made.secret_key.startswith("sha_sec_")


def test_of_a_secret_key_only_the_hash_and_a_hint_are_kept(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        made = create_project(db, "My shop")
        key = db.scalars(select(Key).where(Key.kind == "secret")).one()
        assert key.value == hashlib.sha256(made.secret_key.encode()).hexdigest()
        assert made.secret_key.startswith(key.hint)
        assert len(key.hint) == 12


def test_no_two_keys_are_alike(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        project = create_project(db, "My shop").project
        texts = {make_key(db, project.id, "token").text for _ in range(100)}
    assert len(texts) == 100


def test_rotating_makes_a_new_key_and_revokes_the_old(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        made = create_project(db, "My shop")
        old = get_key(db, made.project.id, made.token)
        new = rotate_key(db, old)
        assert old.revoked_at is not None
        assert new.key.kind == "token"
        assert list_tokens(db, made.project.id) == [new.text]


def test_revoking_twice_keeps_the_first_date(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        made = create_project(db, "My shop")
        key = get_key(db, made.project.id, made.secret_key)
        revoke_key(key)
        first = key.revoked_at
        revoke_key(key)
        assert key.revoked_at == first


def test_a_key_is_found_by_number_text_or_beginning(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        made = create_project(db, "My shop")
        token, secret = list_keys(db, made.project.id)
        for reference in (str(token.id), made.token, made.token[:14]):
            assert get_key(db, made.project.id, reference) is token
        for reference in (str(secret.id), made.secret_key, secret.hint):
            assert get_key(db, made.project.id, reference) is secret


def test_another_projects_key_is_not_found(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        first = create_project(db, "First")
        second = create_project(db, "Second")
        with pytest.raises(NotFound, match="no key"):
            get_key(db, second.project.id, first.token)


def test_a_beginning_that_all_keys_share_means_none(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        made = create_project(db, "My shop")
        with pytest.raises(NotFound):
            get_key(db, made.project.id, "sha_pub_")


def test_projects_are_found_by_number_token_and_name(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        create_project(db, "First")
        made = create_project(db, "Second")
        assert [project.name for project in list_projects(db)] == ["First", "Second"]
        for reference in (made.project.id, str(made.project.id), made.token, "second"):
            assert get_project(db, reference) is made.project
        with pytest.raises(NotFound, match=r"'Third'; there are: 1 \(First\), 2 \(Second\)"):
            get_project(db, "Third")


@pytest.mark.parametrize(
    ("values", "at", "says"),
    [
        ({"name": "  "}, "name", "needs a name"),
        ({"name": "x" * 201}, "name", "at most 200"),
        ({"name": "a\0b"}, "name", "control characters"),
        ({"time_zone": "Europe/Lundon"}, "time_zone", "Did you mean Europe/London"),
        ({"time_zone": "america/new york"}, "time_zone", "Did you mean America/New_York"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "no time zone"),
        ({"time_zone": ""}, "time_zone", "no time zone"),
        ({"currency": "EURO"}, "currency", "Did you mean EUR"),
        ({"currency": "£"}, "currency", "no currency"),
        ({"origins": ["shop.example"]}, "origins", "must begin with https"),
    ],
)
def test_a_wrong_value_is_named(
    sessions: sessionmaker[Session], values: dict[str, str], at: str, says: str
) -> None:
    with sessions() as db:
        with pytest.raises(ConfigurationError, match=says) as caught:
            create_project(db, **({"name": "My shop"} | values))  # type: ignore[arg-type]
        assert caught.value.at == at
        assert list_projects(db) == []


def test_a_name_is_taken_once(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        create_project(db, "My shop")
        with pytest.raises(ConfigurationError, match="already is a project 'My shop'"):
            create_project(db, "My  shop")


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://Shop.Example/ ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://müller.example", "https://xn--mller-kva.example"),
    ],
)
def test_an_origin_is_written_as_a_browser_sends_it(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shop.example", "must begin with https"),
        ("ftp://shop.example", "must begin with https"),
        ("https://", "host is missing"),
        ("https://shop.example/cart", "a path does not belong"),
        ("https://shop.example?x=1", "a path does not belong"),
        ("https://shop.example#x", "a path does not belong"),
        ("https://me:secret@shop.example", "a user name does not belong"),
        ("https://*.shop.example", "name each host"),
        ("https://shop.example:99999", "[Pp]ort"),
        ("https://shop example", "no host name"),
        ("https://shop..example", "no host name"),
        ("null", "must begin with https"),
    ],
)
def test_what_is_no_origin_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse_origin(text)


def test_an_origin_given_twice_is_kept_once() -> None:
    assert parse_origins(["https://a.example", "", "https://A.example/"]) == ["https://a.example"]
