"""Reading entries one message after the other: what the customers are by then."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shopalytic.identity.customers import (
    BOTH_IDENTIFIED,
    OWNED_BY_ANOTHER,
    Refused,
    Step,
    Timeline,
    owner_at,
)
from shopalytic.identity.entries import Entry, Id
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.limits import Limits
from shopalytic.identity.policy import BEGINNING, Policy


class _Customer:
    """While anonymous it has exactly one visitor, all of whose time is its own: that is what can still move."""

    __slots__ = ("identified", "ids", "key", "visitor")

    def __init__(self, key: UUID, *, visitor: str = "", identified: bool) -> None:
        self.key = key
        self.visitor = visitor
        self.identified = identified
        self.ids: list[Id] = [(VISITOR, visitor)] if visitor else []


class _Stretch(NamedTuple):
    from_at: datetime
    customer: _Customer
    since: datetime


class Reading:
    def __init__(self, project_id: int, entries: list[Entry], policy: Policy) -> None:
        self._project_id = project_id
        self._limits = Limits(policy)
        self._owners: dict[Id, _Customer] = {}
        self._owned_since: dict[Id, datetime] = {}
        self._stretches: dict[str, list[_Stretch]] = {}
        self._joined: dict[UUID, tuple[UUID, datetime]] = {}
        self._identified_by_merge: set[UUID] = set()
        self._refused: dict[Entry, str] = {}
        self._of_other: set[Entry] = set()
        self._named: set[Id] = set()
        self._first_at: dict[Id, datetime] = {}
        for entry in entries:
            self._named.update(set(entry.ids) - set(entry.guessed))
            for each in entry.ids:
                self._first_at[each] = min(entry.occurred_at, self._first_at.get(each, entry.occurred_at))

    def take_message(self, entries: list[Entry]) -> None:
        """All entries of one message. An id that is known tells whose its unknown companion is, before either

        is looked at alone: otherwise the unknown one would become a customer of its own, and then a conflict.
        """
        for entry in entries:
            if entry.kind == "same":
                self._join(entry)
        for entry in entries:
            match entry.kind:
                case "identify" | "track" | "merge":
                    self._identify(entry)
                case "alias":
                    self._alias(entry)
                case "seen":
                    self._own_alone(entry.id, entry.occurred_at)
        for entry in entries:
            if entry.kind == "same":
                self._same(entry)

    def count(self, entry: Entry) -> None:
        """What was taken back has used up its day's room all the same: else an undo would let in the next that waits."""
        at = entry.occurred_at
        match entry.kind:
            case "identify" | "track" if not self._current(entry.tracking_id).identified:
                self._limits.count((VISITOR, entry.tracking_id), entry.id, at)
            case "alias":
                named = entry.other if entry.other in self._owners else (VISITOR, entry.tracking_id)
                self._limits.count(named, entry.id, at)
            case "same":
                self._limits.count(entry.id, entry.other, at)

    def merge(self, entry: Entry) -> None:
        """Two customers become one. After all messages; in the order of the decisions.

        It keeps the key of `id`'s; but for an anonymous visitor's where the other has signed in since.
        """
        other_id = (VISITOR, entry.tracking_id) if entry.tracking_id else entry.other
        of_visitor = VISITOR in (entry.id[0], other_id[0])
        into, other = (self._of_merge(each, entry.occurred_at) for each in (entry.id, other_id))
        if self._key(into.key) == self._key(other.key):
            return
        is_known, is_other_known = self._is_identified(into), self._is_identified(other)
        if of_visitor and is_known and is_other_known:
            self._refused[entry] = BOTH_IDENTIFIED
            return
        if of_visitor and is_other_known:
            into, other = other, into
        key = self._key(into.key)
        self._joined[self._key(other.key)] = key, entry.occurred_at
        if is_known or is_other_known:
            self._identified_by_merge.add(key)

    def timelines(self) -> dict[Id, Timeline]:
        found: dict[Id, Timeline] = {}
        for each, first_at in self._first_at.items():
            id_type, id_value = each
            if id_type == VISITOR and id_value in self._stretches:
                found[each] = self._settled(self._stretches[id_value])
            elif each in self._owners:
                found[each] = (self._step(BEGINNING, self._owners[each].key, self._owned_since[each]),)
            elif each in self._named:
                found[each] = (Step(BEGINNING, self._origin(each), first_at),)
        return found

    def unresolved(self) -> list[Refused]:
        """Refused links that a later sign-in, or a decision, did not fulfil after all."""
        found = []
        for entry, reason in self._refused.items():
            about = entry.id
            if entry.kind == "same":
                about, wanted = entry.other, self._owners[entry.id].key
            elif entry in self._of_other:
                wanted = self._owners[entry.other].key
            elif entry.kind == "alias":
                wanted = owner_at(self._settled(self._stretches[entry.tracking_id]), entry.occurred_at)
            else:
                # Of a sign-in it is the earlier history that was not to move.
                other = (VISITOR, entry.tracking_id) if entry.tracking_id else entry.other
                wanted = self._of_merge(other, entry.occurred_at).key
            owner = self._of_merge(about, entry.occurred_at)
            if self._key(owner.key) != self._key(wanted):
                found.append(
                    Refused(entry.kind, entry.tracking_id, about, entry.message_id, entry.occurred_at, reason)
                )
        return found

    def _identify(self, entry: Entry) -> None:
        """A sign-in, or somebody's decision that it was one: then no limit counts."""
        user, at = entry.id, entry.occurred_at
        current = self._current(entry.tracking_id)
        owner = self._owners.get(user)
        if owner is current:
            owner.identified = True
            return
        if current.identified and entry.kind == "merge":
            # It was decided of a visitor whom nobody knew; a late message has told since who it was.
            self._own_alone(user, at)
            self._refused[entry] = BOTH_IDENTIFIED
            return
        no_room = None
        if not current.identified and entry.kind != "merge":
            held, more = (current.ids, [user]) if owner is None else (owner.ids, current.ids)
            no_room = self._limits.refuses_ids(held, more, at)
            if no_room is not None:
                self._refused[entry] = no_room
            elif self._has_to_wait(entry):
                self._own_alone(user, at)
                return
        is_kept_apart = current.identified or no_room is not None
        if owner is None:
            owner = self._new_customer(user) if is_kept_apart else current
        self._own(owner, user, at)
        owner.identified = True
        if owner is current:
            return
        if is_kept_apart:
            self._stretches[entry.tracking_id].append(_Stretch(at, owner, at))
        else:
            self._move_wholly(current, owner, at)

    def _has_to_wait(self, sign_in: Entry) -> bool:
        """Told once of a visitor and an id: of what a page says again and again, the ledger does not read every repeat."""
        link = ((VISITOR, sign_in.tracking_id), sign_in.id)
        is_told = link in self._limits.waiting
        reason = self._limits.refuses_link(*link, sign_in.occurred_at)
        if reason is not None and not is_told:
            self._refused[sign_in] = reason
        return reason is not None

    def _move_wholly(self, anonymous: _Customer, owner: _Customer, at: datetime) -> None:
        for each in anonymous.ids:
            if each[0] != VISITOR:
                self._owners[each] = owner
                self._owned_since[each] = at
        owner.ids += anonymous.ids
        self._stretches[anonymous.visitor] = [_Stretch(BEGINNING, owner, at)]

    def _alias(self, entry: Entry) -> None:
        known = self._owners.get(entry.other)
        if known is not None:
            self._of_other.add(entry)
        current = known or self._current(entry.tracking_id)
        owner = self._owners.get(entry.id)
        if owner is current:
            return
        if owner is not None:
            self._refused[entry] = OWNED_BY_ANOTHER
            return
        named = entry.other if known is not None else (VISITOR, entry.tracking_id)
        reason = self._limits.refuses_ids(current.ids, [entry.id], entry.occurred_at)
        reason = reason or self._limits.refuses_link(named, entry.id, entry.occurred_at)
        if reason is None:
            self._own(current, entry.id, entry.occurred_at)
        else:
            self._own_alone(entry.id, entry.occurred_at)
            self._refused[entry] = reason

    def _join(self, entry: Entry) -> None:
        """Where exactly one of the two has an owner, the other gets the same."""
        first, second = self._owners.get(entry.id), self._owners.get(entry.other)
        if (first is None) == (second is None):
            return
        owner, unowned = (first, entry.other) if first is not None else (second, entry.id)
        assert owner is not None
        reason = self._limits.refuses_ids(owner.ids, [unowned], entry.occurred_at)
        reason = reason or self._limits.refuses_link(entry.id, entry.other, entry.occurred_at)
        if reason is not None:
            self._own_alone(unowned, entry.occurred_at)
            self._refused[entry] = reason
            return
        self._own(owner, unowned, entry.occurred_at)
        owner.identified = True

    def _same(self, entry: Entry) -> None:
        if entry.id not in self._owners and entry.other not in self._owners:
            self._own_alone(entry.id, entry.occurred_at)
        self._join(entry)
        if self._owners[entry.id] is not self._owners[entry.other]:
            self._refused.setdefault(entry, OWNED_BY_ANOTHER)

    def _current(self, tracking_id: str) -> _Customer:
        stretches = self._stretches.get(tracking_id)
        if stretches is None:
            visitor = (VISITOR, tracking_id)
            customer = _Customer(self._origin(visitor), visitor=tracking_id, identified=False)
            stretches = [_Stretch(BEGINNING, customer, self._first_at[visitor])]
            self._stretches[tracking_id] = stretches
        return stretches[-1].customer

    def _of_merge(self, each: Id, at: datetime) -> _Customer:
        """A visitor stands for whose it was first: what it did before anybody signed in."""
        if each[0] == VISITOR:
            self._current(each[1])
            return self._stretches[each[1]][0].customer
        self._own_alone(each, at)
        return self._owners[each]

    def _is_identified(self, customer: _Customer) -> bool:
        return customer.identified or self._key(customer.key) in self._identified_by_merge

    def _new_customer(self, user: Id) -> _Customer:
        return _Customer(self._origin(user), identified=True)

    def _own(self, customer: _Customer, user: Id, at: datetime) -> None:
        if user not in self._owners:
            self._owners[user] = customer
            self._owned_since[user] = at
            customer.ids.append(user)

    def _own_alone(self, user: Id, at: datetime) -> None:
        """The id becomes a customer of its own, where nobody has it."""
        if user not in self._owners:
            self._own(self._new_customer(user), user, at)

    def _origin(self, each: Id) -> UUID:
        return origin_id(self._project_id, *each)

    def _key(self, key: UUID) -> UUID:
        return self._step(BEGINNING, key, BEGINNING).customer_id

    def _step(self, from_at: datetime, key: UUID, since: datetime) -> Step:
        """Through the merges: whose it is now, since the last of them."""
        while key in self._joined:
            key, merged_at = self._joined[key]
            since = max(since, merged_at)
        return Step(from_at, key, since)

    def _settled(self, stretches: list[_Stretch]) -> Timeline:
        """One step an instant, the last said; and none that goes on as before."""
        by_instant = {max(one.from_at, BEGINNING): one for one in stretches}
        steps: list[Step] = []
        for from_at, one in sorted(by_instant.items()):
            step = self._step(from_at, one.customer.key, one.since)
            if not steps or steps[-1].customer_id != step.customer_id:
                steps.append(step)
        return tuple(steps)
