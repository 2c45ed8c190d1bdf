"""Which keys open which project, and how soon a change is known."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.keys import get_key, make_key, revoke_key, rotate_key
from shopalytic.accounts.models import Key
from shopalytic.accounts.projects import create_project
from shopalytic.collector.keys import REREADS_AT_ONCE, KeyCache
from shopalytic.errors import DatabaseUnavailable, NotAuthorized
from tests.collector.conftest import Shop, error_of, make_shop

NEVER_SECONDS = 3600.0


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def statements(sessions: sessionmaker[Session]) -> list[str]:
    """The SQL that is run from now on."""
    seen: list[str] = []
    engine: Engine = sessions.kw["bind"]

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    return seen


def selects(statements: list[str]) -> int:
    return sum(statement.startswith("SELECT") for statement in statements)


@pytest.mark.parametrize(
    ("members", "words"),
    [({"token": None}, "no token"), ({"token": ""}, "no token"), ({"token": "sha_pub_x"}, "not known")],
)
def test_without_a_known_token_nothing_is_taken(shop: Shop, members: dict[str, str], words: str) -> None:
    for response in (shop.track(**members), shop.batch([shop.item()], **members)):
        error = error_of(response)
        assert (response.status_code, error["code"], error["at"]) == (401, "not_authorized", "token")
        assert words in error["message"]
    assert shop.stream.appended == []


def test_a_revoked_key_is_refused_once_the_keys_are_read_again(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        project = create_project(db, "Shop")
    keys = KeyCache(sessions, refresh_seconds=NEVER_SECONDS)
    assert keys.get_token(project.token).project_id == project.project.id
    with sessions.begin() as db:
        revoke_key(get_key(db, project.project.id, project.token))
        revoke_key(get_key(db, project.project.id, project.secret_key))
    keys.refresh()
    with pytest.raises(NotAuthorized, match="was revoked"):
        keys.get_token(project.token)
    with pytest.raises(NotAuthorized, match="was revoked"):
        keys.get_bearer(project.secret_key)


def test_a_message_costs_no_query(shop: Shop, statements: list[str]) -> None:
    shop.track()
    before = selects(statements)
    for _ in range(20):
        shop.track()
    assert selects(statements) == before


def test_a_new_token_is_known_at_once(sessions: sessionmaker[Session]) -> None:
    keys = KeyCache(sessions, refresh_seconds=NEVER_SECONDS, now=Clock())
    for number in range(REREADS_AT_ONCE):
        with sessions.begin() as db:
            project = create_project(db, f"Shop {number}")
        assert keys.get_token(project.token).project_id == project.project.id
        assert keys.get_bearer(project.secret_key) == (keys.get_bearer(project.secret_key)[0], True)


def test_unknown_tokens_have_the_keys_read_again_once_a_second_at_most(
    sessions: sessionmaker[Session], statements: list[str]
) -> None:
    clock = Clock()
    keys = KeyCache(sessions, refresh_seconds=NEVER_SECONDS, now=clock)

    def ask(times: int) -> int:
        before = selects(statements)
        for number in range(times):
            with pytest.raises(NotAuthorized):
                keys.get_token(f"guess-{number}")
        return selects(statements) - before

    assert ask(100) == 1 + REREADS_AT_ONCE
    assert ask(100) == 0
    clock.seconds += 1
    assert ask(100) == 1
    clock.seconds += 1
    with pytest.raises(NotAuthorized):
        keys.get_token("x" * 10_000)
    assert ask(1) == 1


def test_the_first_request_waits_for_the_database_and_is_told_to_come_again(
    tmp_path: Path, shop: Shop
) -> None:
    keys = KeyCache(_broken(shop.sessions))
    with pytest.raises(DatabaseUnavailable):
        keys.get_token(shop.token)


def test_while_the_database_is_away_known_keys_stay_good_and_unknown_ones_are_asked_to_wait(
    shop: Shop,
) -> None:
    keys = KeyCache(shop.sessions, refresh_seconds=NEVER_SECONDS)
    keys.get_token(shop.token)
    keys._sessions = _broken(shop.sessions)
    with pytest.raises(OperationalError):
        keys.refresh()
    assert keys.get_token(shop.token)
    with pytest.raises(DatabaseUnavailable):
        keys.get_token("made-in-the-meantime")


def test_a_database_that_is_away_is_a_503(shop: Shop, sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        db.connection().exec_driver_sql("ALTER TABLE key RENAME TO gone")
    response = shop.track()
    assert (response.status_code, error_of(response)["code"]) == (503, "database_unavailable")
    assert response.headers["Retry-After"]


def test_the_day_of_a_keys_last_use_is_noted_beside_the_requests(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        project = create_project(db, "Shop")
    keys = KeyCache(sessions, refresh_seconds=NEVER_SECONDS)
    keys.get_bearer(project.secret_key)
    with sessions() as db:
        assert {key.last_used_at for key in db.query(Key)} == {None}
    keys.refresh()
    with sessions() as db:
        used = {key.kind: key.last_used_at for key in db.query(Key)}
    assert used["token"] is None
    assert used["secret"] is not None


def test_keys_are_read_again_in_the_background(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        project = create_project(db, "Shop")
    keys = KeyCache(sessions, refresh_seconds=0.01)
    keys.get_token(project.token)
    with sessions.begin() as db:
        rotate_key(db, get_key(db, project.project.id, project.token))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            keys.get_token(project.token)
        except NotAuthorized:
            return
    pytest.fail("the revoked token stayed good")


def test_a_secret_key_needs_no_token_and_no_origin(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, origins=["https://shop.example"])
    headers = {"Authorization": f"bearer  {shop.project.secret_key} "}
    assert shop.track(headers, token=None).status_code == 200
    assert shop.track(headers).status_code == 200


def test_a_project_token_stands_in_the_header_too_but_opens_no_more(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, origins=["https://shop.example"])
    headers = {"Authorization": f"Bearer {shop.token}"}
    assert shop.track(headers, token=None).status_code == 403
    assert shop.track(headers | {"Origin": "https://shop.example"}, token=None).status_code == 200


@pytest.mark.parametrize("key", ["wrong", "é", "", "a\tb"])
def test_a_wrong_secret_key_is_refused_even_beside_a_good_token(shop: Shop, key: str) -> None:
    response = shop.track({"Authorization": f"Bearer {key}"})
    if not key:
        # Servers strip the header's end, and what is left names no key.
        assert response.status_code in (200, 401)
        return
    assert (response.status_code, error_of(response)["at"]) == (401, "Authorization")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_keys_of_two_projects_in_one_request_are_refused(shop: Shop) -> None:
    with shop.sessions.begin() as db:
        other = create_project(db, "Other")
    response = shop.track({"Authorization": f"Bearer {other.secret_key}"})
    assert (response.status_code, error_of(response)["at"]) == (401, "token")


def test_the_shops_own_password_page_is_none_of_our_business(shop: Shop) -> None:
    assert shop.track({"Authorization": "Basic c3RhZ2luZzpzZWNyZXQ="}).status_code == 200


def test_a_second_token_of_a_project_opens_the_same(shop: Shop) -> None:
    with shop.sessions.begin() as db:
        second = make_key(db, shop.project.project.id, "token").text
    assert shop.track(token=second).status_code == 200
    assert json.loads(shop.track().data)["status"] == "accepted"
    assert {project_id for project_id, _, _ in shop.stream.appended} == {shop.project.project.id}


def _broken(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """Sessions of a database that cannot be opened."""
    from shopalytic.accounts.db import make_engine, make_sessions

    return make_sessions(make_engine("sqlite:////nowhere/at/all.db"))


def test_a_hook_key_opens_no_other_door(shop: Shop) -> None:
    with shop.sessions.begin() as db:
        made = make_key(db, shop.project.project.id, "hook")
    assert shop.track(token=made.text).status_code == 401
    assert shop.track(token=None, headers={"Authorization": f"Bearer {made.text}"}).status_code == 401
    assert shop.stream.appended == []
