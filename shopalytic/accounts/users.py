"""Who may sign in to the dashboard, and what each sees."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from functools import cache

import argon2
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Member, Project, User
from shopalytic.errors import ConfigurationError

PASSWORD_LENGTH = 10
PASSWORD_LIMIT = 256
EMAIL_LIMIT = 254
EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)*")


@cache
def _hasher() -> argon2.PasswordHasher:
    return argon2.PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("nobody's password")


def parse_email(text: str) -> str:
    """Trimmed and in lower case. Raises ConfigurationError."""
    email = text.strip().lower()
    if len(email) > EMAIL_LIMIT or not EMAIL.fullmatch(email):
        raise ConfigurationError(f"{text.strip()!r} is no e-mail address.", at="email")
    return email


def parse_password(text: str, email: str) -> str:
    """Raises ConfigurationError where it would be guessed."""
    if len(text) < PASSWORD_LENGTH:
        raise ConfigurationError(f"A password has at least {PASSWORD_LENGTH} characters.", at="password")
    if len(text) > PASSWORD_LIMIT:
        raise ConfigurationError(f"A password has at most {PASSWORD_LIMIT} characters.", at="password")
    if text.strip().lower() == email or len(set(text)) < 4:
        raise ConfigurationError("This password is too easy to guess.", at="password")
    return text


def has_users(db: Session) -> bool:
    """Whether anybody has signed in yet: an invited user without a password has not."""
    return db.scalar(select(User.id).where(User.password_hash != "").limit(1)) is not None


def find_user(db: Session, email: str) -> User | None:
    return db.scalars(select(User).where(User.email == email.strip().lower())).first()


def check_password(db: Session, email: str, password: str) -> User | None:
    """The user whose password it is; sets `signed_in_at`. Takes as long for an unknown address."""
    user = find_user(db, email)
    known = user.password_hash if user is not None and user.password_hash else _nobodys_hash()
    try:
        _hasher().verify(known, password[: PASSWORD_LIMIT + 1])
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return None
    if user is None or not user.password_hash:
        return None
    if _hasher().check_needs_rehash(user.password_hash):
        user.password_hash = _hasher().hash(password)
    user.signed_in_at = datetime.now(UTC)
    return user


def set_password(user: User, password: str) -> None:
    """Whoever was signed in as this user anywhere no longer is, see `session_stamp`."""
    user.password_hash = _hasher().hash(parse_password(password, user.email))
    user.signed_in_at = datetime.now(UTC)


def create_user(db: Session, email: str, password: str) -> User:
    """Raises ConfigurationError for a bad address or password, and for an address that is known."""
    email = parse_email(email)
    password = parse_password(password, email)
    if find_user(db, email) is not None:
        raise ConfigurationError(f"There already is a user {email}.", at="email")
    user = User(email=email, password_hash="")
    set_password(user, password)
    db.add(user)
    db.flush()
    return user


def create_first_user(db: Session, email: str, password: str) -> User:
    """The first user owns every project that nobody owns yet; may have been invited before."""
    user = find_user(db, email)
    if user is not None and not user.password_hash:
        set_password(user, password)
    else:
        user = create_user(db, email, password)
    owned = select(Member.project_id)
    for project in db.scalars(select(Project).where(Project.id.not_in(owned))):
        db.add(Member(user_id=user.id, project_id=project.id, role="owner"))
    return user


def invite_user(db: Session, email: str, project: Project, role: str) -> User:
    """Let a user see a project; one who is new gets no password yet. Twice only changes the role."""
    email = parse_email(email)
    user = find_user(db, email)
    if user is None:
        user = User(email=email, password_hash="")
        db.add(user)
        db.flush()
    member = db.get(Member, (user.id, project.id))
    if member is None:
        db.add(Member(user_id=user.id, project_id=project.id, role=role))
    else:
        member.role = role
    return user


def projects_of(db: Session, user: User) -> list[Project]:
    """All that the user sees, in the order they were made."""
    seen = select(Member.project_id).where(Member.user_id == user.id)
    return list(db.scalars(select(Project).where(Project.id.in_(seen)).order_by(Project.id)))


def find_membership(db: Session, user: User, project_id: int) -> Member | None:
    return db.get(Member, (user.id, project_id))


def list_members(db: Session, project_id: int) -> list[tuple[User, str]]:
    """(user, role), owners first, each as they were made."""
    found = db.execute(
        select(User, Member.role)
        .join(Member, Member.user_id == User.id)
        .where(Member.project_id == project_id)
        .order_by(Member.role.desc(), User.id)
    )
    return [(user, role) for user, role in found]


def session_stamp(user: User) -> str:
    """Goes into a browser's session; another password makes another stamp, and so ends the session."""
    return hashlib.sha256(user.password_hash.encode()).hexdigest()[:16]
