"""Users, their passwords, what they see, and the one-time links that let them in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts import sign_in_links
from shopalytic.accounts.models import User
from shopalytic.accounts.projects import create_project
from shopalytic.accounts.sign_in_links import LinkRefused, find_link_user, make_link_text, use_link
from shopalytic.accounts.users import (
    check_password,
    create_user,
    find_membership,
    has_users,
    invite_user,
    projects_of,
    session_stamp,
    set_password,
)
from shopalytic.errors import ConfigurationError

PASSWORD = "four small words"
SECRET = "signing key"


@pytest.fixture
def db(sessions: sessionmaker[Session]) -> Iterator[Session]:
    with sessions() as db:
        yield db


def test_a_password_is_checked_and_never_kept(db: Session) -> None:
    user = create_user(db, " Ann@Shop.example ", PASSWORD)
    assert user.email == "ann@shop.example"
    assert user.password_hash.startswith("$argon2id$")
    assert check_password(db, "ANN@shop.example", PASSWORD) is user
    assert check_password(db, "ann@shop.example", PASSWORD + "x") is None
    assert check_password(db, "bob@shop.example", PASSWORD) is None


def test_an_invited_user_cannot_sign_in_without_a_password(db: Session) -> None:
    project = create_project(db, "My shop").project
    invite_user(db, "ann@shop.example", project, "member")
    assert check_password(db, "ann@shop.example", "") is None
    assert check_password(db, "ann@shop.example", "nobody's password") is None


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("ann", PASSWORD, "no e-mail address"),
        ("a b@shop.example", PASSWORD, "no e-mail address"),
        ("@shop.example", PASSWORD, "no e-mail address"),
        ("x" * 250 + "@shop.example", PASSWORD, "no e-mail address"),
        ("ann@shop.example", "too short", "at least 10"),
        ("ann@shop.example", "x" * 300, "at most 256"),
        ("ann@shop.example", "aaaaaaaaaaaa", "too easy"),
        ("ann@shop.example", "Ann@shop.example", "too easy"),
    ],
)
def test_a_bad_address_or_password_is_refused(db: Session, email: str, password: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        create_user(db, email, password)


def test_an_address_is_one_users(db: Session) -> None:
    create_user(db, "ann@shop.example", PASSWORD)
    with pytest.raises(ConfigurationError, match="already is a user"):
        create_user(db, "Ann@shop.example", PASSWORD)


def test_another_password_ends_the_sessions(db: Session) -> None:
    user = create_user(db, "ann@shop.example", PASSWORD)
    before = session_stamp(user)
    set_password(user, PASSWORD + "!")
    assert session_stamp(user) != before


def test_the_first_user_owns_what_nobody_owns(db: Session) -> None:
    project = create_project(db, "My shop").project
    assert not has_users(db)
    user = use_link(db, SECRET, make_link_text(SECRET, None), "ann@shop.example", PASSWORD)
    assert projects_of(db, user) == [project]
    member = find_membership(db, user, project.id)
    assert member is not None and member.role == "owner"


def test_a_later_project_is_the_first_users(db: Session) -> None:
    user = use_link(db, SECRET, make_link_text(SECRET, None), "ann@shop.example", PASSWORD)
    project = create_project(db, "My shop").project
    assert projects_of(db, user) == [project]


def test_a_stranger_sees_no_project(db: Session) -> None:
    create_user(db, "owner@shop.example", PASSWORD)
    stranger = create_user(db, "stranger@shop.example", PASSWORD)
    project = create_project(db, "My shop").project
    assert projects_of(db, stranger) == []
    assert find_membership(db, stranger, project.id) is None


def test_inviting_twice_changes_the_role_only(db: Session) -> None:
    project = create_project(db, "My shop").project
    ann = invite_user(db, "ann@shop.example", project, "member")
    assert invite_user(db, "Ann@Shop.example", project, "owner") is ann
    member = find_membership(db, ann, project.id)
    assert member is not None and member.role == "owner"


def test_the_first_users_link_works_once(db: Session) -> None:
    link = make_link_text(SECRET, None)
    assert find_link_user(db, SECRET, link) is None
    use_link(db, SECRET, link, "ann@shop.example", PASSWORD)
    with pytest.raises(LinkRefused, match="used already"):
        use_link(db, SECRET, link, "bob@shop.example", PASSWORD)
    with pytest.raises(LinkRefused, match="used already"):
        use_link(db, SECRET, make_link_text(SECRET, None), "bob@shop.example", PASSWORD)


def test_an_invited_users_link_sets_the_password_once(db: Session) -> None:
    project = create_project(db, "My shop").project
    ann = invite_user(db, "ann@shop.example", project, "member")
    link = make_link_text(SECRET, ann)
    assert find_link_user(db, SECRET, link) is ann
    assert use_link(db, SECRET, link, "somebody@else.example", PASSWORD) is ann
    assert ann.email == "ann@shop.example"
    assert check_password(db, "ann@shop.example", PASSWORD) is ann
    with pytest.raises(LinkRefused, match="used already"):
        use_link(db, SECRET, link, "", PASSWORD)


def test_signing_in_uses_an_earlier_link_up(db: Session) -> None:
    ann = create_user(db, "ann@shop.example", PASSWORD)
    link = make_link_text(SECRET, ann)
    check_password(db, "ann@shop.example", PASSWORD)
    with pytest.raises(LinkRefused, match="used already"):
        find_link_user(db, SECRET, link)


def test_a_refused_password_leaves_the_link_good(db: Session) -> None:
    link = make_link_text(SECRET, None)
    with pytest.raises(ConfigurationError):
        use_link(db, SECRET, link, "ann@shop.example", "short")
    assert use_link(db, SECRET, link, "ann@shop.example", PASSWORD).email == "ann@shop.example"


def test_an_invited_user_may_be_the_first(db: Session) -> None:
    project = create_project(db, "My shop").project
    ann = invite_user(db, "ann@shop.example", project, "member")
    assert use_link(db, SECRET, make_link_text(SECRET, None), "ann@shop.example", PASSWORD) is ann


@pytest.mark.parametrize("text", ["", "x", "WzAsIiJd.aaaa.bbbb", "a" * 5000])
def test_what_is_no_link_is_refused(db: Session, text: str) -> None:
    with pytest.raises(LinkRefused, match="no sign-in link"):
        find_link_user(db, SECRET, text)


def test_another_servers_link_is_refused(db: Session) -> None:
    with pytest.raises(LinkRefused, match="no sign-in link"):
        find_link_user(db, SECRET, make_link_text("another key", None))


def test_a_link_ends(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    link = make_link_text(SECRET, None)
    monkeypatch.setattr(sign_in_links, "LIFETIME_HOURS", -1)
    with pytest.raises(LinkRefused, match="older than"):
        find_link_user(db, SECRET, link)


def test_a_link_of_a_removed_user_is_refused(db: Session) -> None:
    ann = create_user(db, "ann@shop.example", PASSWORD)
    link = make_link_text(SECRET, ann)
    db.delete(db.get_one(User, ann.id))
    db.flush()
    with pytest.raises(LinkRefused):
        find_link_user(db, SECRET, link)
