"""All keys of the database in memory, so that a message costs no query."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.keys import hash_secret_key
from shopalytic.accounts.models import Key, Project
from shopalytic.errors import DatabaseUnavailable, NotAuthorized

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 3.0
REREADS_AT_ONCE = 5
"""An unknown key has the keys read again at once; after so many, once a second. Else anybody could have them read
as often as he sends."""
USE_NOTED_SECONDS = 60.0
KEY_LENGTH_LIMIT = 64


class Access(NamedTuple):
    """What a key opens. origins: where pages may stand that send with the token; empty: anywhere. plan_id: the version
    of the tracking plan by which messages received now are judged. keeps_addresses: whether they are stored with their network address."""

    project_id: int
    key_id: int
    origins: frozenset[str]
    plan_id: int = 0
    keeps_addresses: bool = False


@dataclass(frozen=True)
class Keys:
    """The keys at one moment. secrets: by their SHA-256. revoked: values of keys that were right once."""

    tokens: dict[str, Access] = field(default_factory=dict)
    secrets: dict[str, Access] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()

    def find(self, value: str) -> Access | None:
        return self.tokens.get(value) or self.secrets.get(value)


class KeyCache:
    """Reads the database at the first look-up, then every few seconds in a thread that ends with this object.

    While the database does not answer, the keys last read stay good. One per process; threads share it, and after
    a fork the child reads anew by a thread of its own.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        *,
        refresh_seconds: float = REFRESH_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._refresh_seconds = refresh_seconds
        self._now = now
        self._keys: Keys | None = None
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._rereads_left = float(REREADS_AT_ONCE)
        self._reread_at = now()
        self._used: set[int] = set()
        self._noted: dict[int, float] = {}

    def get_token(self, token: str) -> Access:
        """Raises NotAuthorized for one that is unknown or revoked, Unavailable before the first reading succeeds."""
        keys = self._current()
        access = keys.tokens.get(token) or self._find_again(keys, token).tokens.get(token)
        if access is None:
            was = "was revoked" if token in self._current().revoked else "is not known"
            raise NotAuthorized(f"This project token {was}.", at="token")
        self._used.add(access.key_id)
        return access

    def get_bearer(self, text: str) -> tuple[Access, bool]:
        """What stands in `Authorization: Bearer …`, and whether it is a secret key; a token is taken as well.

        Raises as `get_token` does.
        """
        at = "Authorization"
        if not text.isascii() or not text.isprintable():
            raise NotAuthorized("This key is not known.", at=at)
        keys, value = self._current(), hash_secret_key(text)
        if text in keys.tokens:
            return keys.tokens[text], False
        access = keys.secrets.get(value) or self._find_again(keys, value).secrets.get(value)
        if access is None:
            was = "was revoked" if value in self._current().revoked else "is not known"
            raise NotAuthorized(f"This key {was}.", at=at)
        self._used.add(access.key_id)
        return access, True

    def find_known(self, text: str) -> Access | None:
        """What a token or a secret key opens, as far as the keys read last tell; nothing is noted or read for it."""
        keys = self._keys or Keys()
        return keys.tokens.get(text) or keys.secrets.get(hash_secret_key(text))

    def find_origins(self) -> frozenset[str] | None:
        """The origins that any project allows; None where some project allows all.

        For questions that come before the token is known. Raises Unavailable as `get_token` does.
        """
        projects = self._current().tokens.values()
        if not all(access.origins for access in projects):
            return None
        return frozenset().union(*(access.origins for access in projects))

    def refresh(self) -> None:
        """Read the keys now, and note which were used. Raises SQLAlchemyError; the old keys stay then."""
        self._keys = read_keys(self._sessions)
        self._note_uses()

    def _current(self) -> Keys:
        # A thread does not survive a fork, and shows as dead in the child.
        if self._thread is None or not self._thread.is_alive():
            self._start()
        assert self._keys is not None
        return self._keys

    def _start(self) -> None:
        with self._mutex:
            if self._thread is not None and self._thread.is_alive():
                return
            try:
                self._keys = read_keys(self._sessions)
            except SQLAlchemyError as error:
                if self._keys is None:
                    raise DatabaseUnavailable("The database with the keys does not answer.") from error
            self._thread = threading.Thread(
                target=_keep_fresh,
                args=(weakref.ref(self), self._refresh_seconds),
                name="keys",
                daemon=True,
            )
            self._thread.start()

    def _find_again(self, keys: Keys, value: str) -> Keys:
        """The keys with those that were made since the last reading, as far as one may read again now."""
        if len(value) > KEY_LENGTH_LIMIT or value in keys.revoked:
            return keys
        with self._mutex:
            assert self._keys is not None
            if self._keys is not keys and self._keys.find(value):
                return self._keys
            now = self._now()
            self._rereads_left = min(float(REREADS_AT_ONCE), self._rereads_left + now - self._reread_at)
            self._reread_at = now
            if self._rereads_left >= 1:
                self._rereads_left -= 1
                try:
                    self._keys = read_keys(self._sessions)
                except SQLAlchemyError as error:
                    # Nobody knows whether the key is wrong: to say so would make its owner throw messages away.
                    raise DatabaseUnavailable("The database with the keys does not answer.") from error
            return self._keys

    def _note_uses(self) -> None:
        used, self._used = self._used, set()
        now = self._now()
        due = [
            key_id
            for key_id in list(used)
            if now - self._noted.get(key_id, -USE_NOTED_SECONDS) >= USE_NOTED_SECONDS
        ]
        if due:
            with self._sessions.begin() as db:
                db.execute(update(Key).where(Key.id.in_(due)).values(last_used_at=datetime.now(UTC)))
            self._noted |= dict.fromkeys(due, now)


def read_keys(sessions: sessionmaker[Session]) -> Keys:
    """Raises SQLAlchemyError."""
    # A hook key opens the hooks alone, which look it up themselves.
    query = select(
        Key.id,
        Key.kind,
        Key.value,
        Key.revoked_at,
        Project.id,
        Project.origins,
        Project.plan_id,
        Project.keeps_addresses,
    ).where(Key.kind != "hook")
    keys = Keys()
    revoked = set()
    with reading(sessions) as db:
        for key_id, kind, value, revoked_at, project_id, origins, plan_id, keeps in db.execute(
            query.join(Project, Project.id == Key.project_id)
        ):
            if revoked_at is not None:
                revoked.add(value)
                continue
            access = Access(project_id, key_id, frozenset(origins), plan_id, keeps)
            (keys.tokens if kind == "token" else keys.secrets)[value] = access
    return Keys(keys.tokens, keys.secrets, frozenset(revoked))


def _keep_fresh(cache: weakref.ref[KeyCache], refresh_seconds: float) -> None:
    while True:
        time.sleep(refresh_seconds)
        alive = cache()
        if alive is None:
            return
        try:
            alive.refresh()
        except SQLAlchemyError as error:
            log.warning("the keys could not be read again", reason=str(error).splitlines()[0])
        del alive
