"""Who did something, as it is written down (`user:3`, `key:7`, `command`) and as people call him."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Key, User


def names_of_deciders(db: Session, written: Iterable[str]) -> dict[str, str]:
    """A user's e-mail address, a key's first characters, or `command line`; what is gone stays as it is written."""
    names = {one: "command line" if one == "command" else one for one in written if one}
    users = {number: one for one in names if (number := _number(one, "user")) is not None}
    for number, email in db.execute(select(User.id, User.email).where(User.id.in_(users))) if users else ():
        names[users[number]] = email
    keys = {number: one for one in names if (number := _number(one, "key")) is not None}
    for number, hint in db.execute(select(Key.id, Key.hint).where(Key.id.in_(keys))) if keys else ():
        names[keys[number]] = f"key {hint}…"
    return names


def _number(written: str, kind: str) -> int | None:
    found, _, number = written.partition(":")
    return int(number) if found == kind and number.isdecimal() and len(number) < 10 else None
