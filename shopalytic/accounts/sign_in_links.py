"""One-time links with which somebody sets a password: the first user, an invited one, one who forgot it.

Nothing is kept about a link. It is signed, ends after a while, and is bound to what its use changes: the first
user's to there being no user, any other's to the user's password and last sign-in.
"""

from __future__ import annotations

import hashlib
from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from shopalytic.accounts.db import FIRST_USER_LOCK, wait_turn
from shopalytic.accounts.models import User
from shopalytic.accounts.users import create_first_user, has_users, set_password
from shopalytic.errors import Rejected

LIFETIME_HOURS = 48
FIRST_USER = 0


class LinkRefused(Rejected):
    """The link is not ours, too old, or was used."""

    code = "link_refused"


def make_link_text(secret_key: str, user: User | None) -> str:
    """The last part of the link's address. user: None is the first user, who is not known yet."""
    content = [FIRST_USER, ""] if user is None else [user.id, _state(user)]
    return str(_serializer(secret_key).dumps(content))


def find_link_user(db: Session, secret_key: str, text: str) -> User | None:
    """Whose password the link sets; None: the first user's, who is yet to be made. Looking uses nothing up.

    Raises LinkRefused.
    """
    try:
        content: Any = _serializer(secret_key).loads(text, max_age=LIFETIME_HOURS * 3600)
        user_id, state = content
    except SignatureExpired:
        raise LinkRefused(f"This link is older than {LIFETIME_HOURS} hours. Ask for a new one.") from None
    except (BadSignature, TypeError, ValueError):
        raise LinkRefused("This is no sign-in link of this server; it may have been cut off.") from None
    if user_id == FIRST_USER:
        if has_users(db):
            raise LinkRefused("This link was used already. Sign in with your e-mail address and password.")
        return None
    user = db.get(User, user_id, with_for_update=True)
    if user is None or _state(user) != state:
        raise LinkRefused("This link was used already. Sign in with your e-mail address and password.")
    return user


def use_link(db: Session, secret_key: str, text: str, email: str, password: str) -> User:
    """Set the password, and so use the link up. email: counts for the first user only.

    Raises LinkRefused, and ConfigurationError for a bad address or password, which leaves the link good.
    """
    # Two people with the first user's link at the same moment: one of them is too late.
    wait_turn(db.connection(), FIRST_USER_LOCK)
    user = find_link_user(db, secret_key, text)
    if user is None:
        return create_first_user(db, email, password)
    set_password(user, password)
    return user


def _state(user: User) -> str:
    at = user.signed_in_at.isoformat() if user.signed_in_at else ""
    return hashlib.sha256(f"{user.password_hash} {at}".encode()).hexdigest()[:16]


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt="sign-in link")
