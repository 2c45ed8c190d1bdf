"""What a project's policy says to each new link, while a ledger is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from shopalytic.identity.customers import SECOND_OF_UNIQUE_TYPE, TOO_MANY_IDS, TOO_MANY_LINKS
from shopalytic.identity.entries import Id
from shopalytic.identity.policy import Policy


class Limits:
    """Of one reading: it counts what it lets pass."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._linked: set[tuple[Id, Id]] = set()
        self.waiting: set[tuple[Id, Id]] = set()
        self._gathered: Counter[tuple[Id, date]] = Counter()

    def refuses_link(self, one: Id, other: Id, at: datetime) -> str | None:
        """The reason, else None, and then the link is counted. What waits once goes on waiting: saying it again the
        next day is no decision.
        """
        link = (one, other)
        if link in self._linked:
            return None
        if link in self.waiting or any(self._is_used_up(each, at) for each in link):
            self.waiting.add(link)
            return TOO_MANY_LINKS
        self._let_in(link, at)
        return None

    def count(self, one: Id, other: Id, at: datetime) -> None:
        """Use up the day's room, where there is some."""
        link = (one, other)
        if link not in self._linked and not any(self._is_used_up(each, at) for each in link):
            self._let_in(link, at)

    def refuses_ids(self, held: Sequence[Id], more: Iterable[Id], at: datetime) -> str | None:
        """The reason why a customer who holds the ids has no room for more, else None."""
        for id_type, count in Counter(id_type for id_type, _ in more).items():
            most = self._policy.rule(id_type, at).max_per_customer
            if most is not None and sum(each[0] == id_type for each in held) + count > most:
                return SECOND_OF_UNIQUE_TYPE if most == 1 else TOO_MANY_IDS
        return None

    def _let_in(self, link: tuple[Id, Id], at: datetime) -> None:
        self._linked.add(link)
        self._gathered.update((each, at.date()) for each in link)

    def _is_used_up(self, each: Id, at: datetime) -> bool:
        most = self._policy.rule(each[0], at).new_links_per_day
        return most is not None and self._gathered[each, at.date()] >= most
