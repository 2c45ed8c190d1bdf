"""Which of a message's ids say who somebody is, by what the project has set: pure, by when the message was received.

Whatever is set takes effect a minute later, and a worker goes by what it read half a minute ago at most. So that all
workers judge a message the same, whenever they repeat its batch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import blake2b

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.errors import DatabaseUnavailable
from shopalytic.identity.id_rules import project_of, read_policy
from shopalytic.identity.ids import EMAIL, ID_LENGTH_MAX
from shopalytic.identity.never import Listed, digest_id, read_listed
from shopalytic.identity.policy import DEFAULT_POLICY, Policy
from shopalytic.identity.rules import Id

READ_EVERY_SECONDS = 30
"""Half of `policy.TAKES_EFFECT_AFTER`: what is left is for clocks that differ."""
PROJECTS_KEPT = 10_000


class Judge:
    """A project's rules and its list of ids that mean nobody, of all times."""

    def __init__(
        self,
        policy: Policy = DEFAULT_POLICY,
        listed: Iterable[Listed] = (),
        *,
        digest: Callable[[Id], str] | None = None,
    ) -> None:
        self._policy = policy
        self._listed: dict[Id, list[Listed]] = {}
        self._erased: dict[tuple[str, str], list[Listed]] = {}
        for one in listed:
            if one.digest:
                self._erased.setdefault((one.id[0], one.digest), []).append(one)
            else:
                self._listed.setdefault(one.id, []).append(one)
        self._digest = digest
        self._soft_types = frozenset(policy.soft_types())

    @property
    def is_idle(self) -> bool:
        """It has nothing to say of any message, whatever its ids."""
        return not (self._listed or self._erased or self._policy.has_rules)

    def is_soft(self, id_type: str, received_at: datetime) -> bool:
        """Ids of the type are kept with what came with them, and link nobody."""
        return id_type in self._soft_types and not self._policy.judging(id_type, received_at).is_hard

    def is_nobody(self, id: Id, received_at: datetime) -> bool:
        found = self._listed.get(id, ())
        if self._erased and self._digest is not None:
            found = [*found, *self._erased.get((id[0], self._digest(id)), ())]
        return any(one.counts_at(received_at) for one in found)

    def takes_told_email(self, received_at: datetime) -> bool:
        """The e-mail address that account events and identify tell as a property is an id."""
        rule = self._policy.judging(EMAIL, received_at)
        return rule.is_hard and rule.is_told_by_property


IDLE = Judge()
"""Of a project that never set anything."""


class Judges:
    """By project. One per process; threads share it."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        secret_key: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """secret_key: knows erased ids again; without it those mean somebody again. clock: seconds that only rise."""
        self._sessions = sessions
        self._clock = clock
        self._secret_key = secret_key
        self._read: dict[int, tuple[float, Judge]] = {}
        self._mutex = threading.Lock()

    def read(self, project_ids: Iterable[int]) -> dict[int, Judge]:
        """Costs two queries a project, once in READ_EVERY_SECONDS. Raises DatabaseUnavailable."""
        return {project_id: self._get(project_id) for project_id in set(project_ids)}

    def _get(self, project_id: int) -> Judge:
        # Before it is read: what is saved while it is must not be missed for longer than READ_EVERY_SECONDS.
        now = self._clock()
        known = self._read.get(project_id)
        if known is not None and now - known[0] < READ_EVERY_SECONDS:
            return known[1]
        made = self._load(project_id)
        with self._mutex:
            while len(self._read) >= PROJECTS_KEPT:
                del self._read[next(iter(self._read))]
            self._read[project_id] = now, made
        return made

    def _load(self, project_id: int) -> Judge:
        try:
            with reading(self._sessions) as db:
                return read_judge(db, project_id, self._secret_key)
        except SQLAlchemyError as error:
            raise DatabaseUnavailable("The database with the rules for ids does not answer.") from error


def read_judge(db: Session, project_id: int, secret_key: str = "") -> Judge:
    """As it is now; a sandbox is judged as its project is."""
    own = project_of(db, project_id)
    policy, listed = read_policy(db, own), read_listed(db, own)
    if not listed and not policy.has_rules:
        return IDLE
    return Judge(policy, listed, digest=(lambda id: digest_id(secret_key, own, id)) if secret_key else None)


def stand_in(id_type: str, id_value: str) -> str:
    """The tracking id of a visitor whom only a soft id tells: his history joins whoever he turns out to be, and a device
    that several use is told apart in time.
    """
    text = f"{id_type}:{id_value}"
    if len(text) <= ID_LENGTH_MAX:
        return text
    return f"{id_type}:{blake2b(id_value.encode('utf-8', 'replace'), digest_size=32).hexdigest()}"
