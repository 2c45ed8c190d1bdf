"""A project's keys: tokens, which stand in pages and may only write, secret keys for servers, hook keys for webhooks."""

from __future__ import annotations

import hashlib
import secrets
import string
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Key
from shopalytic.errors import ConfigurationError, NotFound

KeyKind = Literal["token", "secret", "hook"]
PREFIXES: dict[KeyKind, str] = {"token": "sha_pub_", "secret": "sha_sec_", "hook": "sha_hok_"}
LENGTHS: dict[KeyKind, int] = {"token": 24, "secret": 40, "hook": 24}
"""Random characters after the prefix; 24 are 142 bits."""
ALPHABET = string.ascii_letters + string.digits
"""No signs, so that a double click selects the whole key."""
HINT_LENGTH = len("sha_sec_") + 4
SIGNING_SECRET_LENGTH = 40
SIGNING_SECRET_LIMIT = 255


class MadeKey(NamedTuple):
    """text: the key as its user needs it. For a secret key this is the only time that anybody knows it."""

    key: Key
    text: str


def make_key(db: Session, project_id: int, kind: KeyKind, *, signing_secret: str | None = None) -> MadeKey:
    """signing_secret: of a hook key, what the platform signs with; None has one made. Raises ConfigurationError."""
    text = PREFIXES[kind] + _random_text(LENGTHS[kind])
    value = hash_secret_key(text) if kind == "secret" else text
    key = Key(project_id=project_id, kind=kind, value=value, hint=text[:HINT_LENGTH])
    if kind == "hook":
        set_signing_secret(key, signing_secret or _random_text(SIGNING_SECRET_LENGTH))
    db.add(key)
    db.flush()
    return MadeKey(key, text)


def set_signing_secret(key: Key, secret: str) -> None:
    """From now on webhooks at this hook key are checked with it. Raises ConfigurationError."""
    if key.kind != "hook":
        raise ConfigurationError("Only a hook key has a signing secret.", at="key")
    secret = secret.strip()
    if not 8 <= len(secret) <= SIGNING_SECRET_LIMIT or not secret.isprintable():
        raise ConfigurationError(
            f"A signing secret has 8 to {SIGNING_SECRET_LIMIT} printable characters.", at="signing_secret"
        )
    key.signing_secret = secret


def hash_secret_key(text: str) -> str:
    """What is kept of a secret key. Its 238 random bits need no slow hash and no salt."""
    return hashlib.sha256(text.encode()).hexdigest()


def list_keys(db: Session, project_id: int) -> list[Key]:
    """All, revoked ones too: tokens first, then the others, each as they were made."""
    found = db.scalars(select(Key).where(Key.project_id == project_id).order_by(Key.id)).all()
    return sorted(found, key=lambda key: key.kind != "token")


def list_tokens(db: Session, project_id: int) -> list[str]:
    """Those in force, newest first."""
    return [
        key.value
        for key in reversed(list_keys(db, project_id))
        if key.kind == "token" and key.revoked_at is None
    ]


def get_key(db: Session, project_id: int, reference: str) -> Key:
    """By its number, by the token itself, or by enough of its first characters to mean one key.

    Raises NotFound, also for another project's key.
    """
    keys = list_keys(db, project_id)
    exact = [key for key in keys if reference in (str(key.id), key.value)]
    digest = hash_secret_key(reference)
    named = exact or [
        key
        for key in keys
        if key.value == digest or (len(reference) >= HINT_LENGTH and _shown(key).startswith(reference))
    ]
    if len(named) == 1:
        return named[0]
    if named:
        raise NotFound(f"{reference!r} means several keys; name one by its number.")
    raise NotFound(f"This project has no key {reference!r}.")


def revoke_key(key: Key) -> None:
    """From now on it is refused. A key revoked before keeps its first date."""
    key.revoked_at = key.revoked_at or datetime.now(UTC)


def rotate_key(db: Session, key: Key) -> MadeKey:
    """A new key of the same kind; the old one is revoked at once. A hook key's signing secret stays."""
    kind = next(kind for kind in PREFIXES if kind == key.kind)
    made = make_key(db, key.project_id, kind, signing_secret=key.signing_secret)
    revoke_key(key)
    return made


def _shown(key: Key) -> str:
    return key.hint if key.kind == "secret" else key.value


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
