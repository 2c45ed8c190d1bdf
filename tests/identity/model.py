"""A small model of who is who, to compare the real one with: what was said, read from the start each time.

Written from the contract, not from `identity/rules.py`, and as plain as can be: there are persons, who have ids, and
browsers, at each of which one person after another sits. To make two persons one, every mention of the one is replaced
by the other. Nothing is kept between two questions, nothing is fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

Id = tuple[str, str]
NO_ID: Id = ("", "")
BROWSER = "tracking_id"
EVER = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Message:
    """What a page or a server sent. ids: the most important first, then by type. amount: of an order."""

    kind: str
    browser: str
    ids: tuple[Id, ...]
    at: datetime
    message_id: str
    previous: str = ""
    amount: Decimal | None = None

    @property
    def origin(self) -> Id:
        """The id that its row stands under, for ever."""
        if not self.ids or (self.kind == "alias" and self.browser):
            return BROWSER, self.browser
        return self.ids[0]


@dataclass(frozen=True)
class Saying:
    """One sentence about who is who, out of a message or of a shop owner's decision. target: of an undo."""

    kind: str
    browser: str
    id: Id
    other: Id
    at: datetime
    message_id: str
    target: str = ""

    @property
    def moment(self) -> tuple[datetime, str]:
        return self.at, self.message_id

    @property
    def about(self) -> tuple[str, frozenset[Id] | tuple[Id, Id]]:
        """Without a browser it is no matter which of the two ids comes first."""
        return self.browser, (self.id, self.other) if self.browser else frozenset((self.id, self.other))


@dataclass(eq=False)
class Person:
    """name: the id by which it was first known. A person is anonymous until somebody signs in."""

    name: Id
    is_anonymous: bool = False


@dataclass
class Shop:
    """Who is who once everything has been said."""

    owners: dict[Id, Person] = field(default_factory=dict)
    seats: dict[str, list[tuple[datetime, Person]]] = field(default_factory=dict)
    refused: list[tuple[Saying, Id]] = field(default_factory=list)
    wishes: list[tuple[Saying, Id, Id | None]] = field(default_factory=list)

    def at_browser(self, browser: str, at: datetime | None = None) -> Person:
        """Who sits there then; without an instant, who sat down last."""
        if browser not in self.seats:
            self.seats[browser] = [(EVER, Person((BROWSER, browser), is_anonymous=True))]
        sat = self.seats[browser]
        if at is None:
            return sat[-1][1]
        newest = max(since for since, _ in sat if since <= at)
        return [person for since, person in sat if since == newest][-1]

    def owner(self, each: Id, at: datetime) -> Id:
        """The name of the customer whose the id is at that instant."""
        if each[0] == BROWSER:
            return self.at_browser(each[1], at).name
        return self.owners[each].name if each in self.owners else each

    def replace(self, old: Person, new: Person) -> None:
        for each, person in self.owners.items():
            if person is old:
                self.owners[each] = new
        for browser, sat in self.seats.items():
            self.seats[browser] = [(since, new if person is old else person) for since, person in sat]


def customers(messages: Iterable[Message], shop: Shop) -> dict[Id, list[Message]]:
    """Whose is each row, by the customer's name."""
    found: dict[Id, list[Message]] = {}
    for message in messages:
        found.setdefault(shop.owner(message.origin, message.at), []).append(message)
    return found


def orders_and_revenue(rows: Iterable[Message]) -> tuple[int, Decimal]:
    amounts = [row.amount for row in rows if row.amount is not None]
    return len(amounts), sum(amounts, Decimal(0))


def read(messages: Iterable[Message], decided: Iterable[Saying] = ()) -> Shop:
    """Everything that was said, in the order in which it happened."""
    sayings = [*(saying for message in messages for saying in sayings_of(message)), *decided]
    shop = Shop()
    in_force = what_counts(sayings)
    for together in in_order([one for one in in_force if not is_for_the_end(one)]):
        hear(shop, together)
    at_the_end = [one for one in in_force if is_for_the_end(one)]
    for saying in sorted(at_the_end, key=lambda one: (one.moment, one.browser, one.id, one.other)):
        make_one(shop, saying)
    shop.refused = [
        (saying, about) for saying, about, wanted in shop.wishes if not came_true(shop, saying, about, wanted)
    ]
    return shop


def sayings_of(message: Message) -> list[Saying]:
    """Nothing where there is no id of a customer's."""
    if not message.ids:
        return []

    def says(kind: str, first: Id, other: Id = NO_ID, browser: str = message.browser) -> Saying:
        return Saying(kind, browser, first, other, message.at, message.message_id)

    first, *rest = message.ids
    if message.kind == "alias":
        previous = ("user_id", message.previous) if message.previous else NO_ID
        if previous in message.ids:
            previous = NO_ID
        if message.browser or previous != NO_ID:
            # What is called the previous id may be a browser's: the tag sends its own there.
            return [
                says("alias", each, previous, message.browser or message.previous) for each in message.ids
            ]
    who = (
        says("seen", first)
        if not message.browser
        else says("identify" if message.kind == "identify" else "track", first)
    )
    return [who, *(says("same", first, each, browser="") for each in rest)]


def what_counts(sayings: Iterable[Saying]) -> list[Saying]:
    """What events say by the way counts once, at its earliest; and then, what nobody took back."""
    by_the_way: dict[tuple[str, str, Id, Id], Saying] = {}
    counting = set(sayings)
    for one in sorted(counting, key=lambda one: one.moment):
        said = (one.kind, one.browser, one.id, one.other)
        if one.kind in ("track", "same", "seen") and by_the_way.setdefault(said, one) is not one:
            counting.remove(one)
    # An undo reaches what was said before it (and what is said by the way at any time), and may be undone itself: so
    # the newest goes first.
    for undo in sorted(counting, key=lambda one: one.moment, reverse=True):
        if undo.kind == "undo" and undo in counting:
            counting -= {one for one in counting if takes_back(undo, one)}
    return [one for one in counting if one.kind != "undo"]


def takes_back(undo: Saying, one: Saying) -> bool:
    if one.about != undo.about:
        return False
    if not undo.target and one.kind in ("track", "same", "seen"):
        return True
    if one.moment >= undo.moment:
        return False
    if undo.target:
        return one.kind in ("merge", "undo") and one.message_id == undo.target
    return one.kind != "undo"


def in_order(sayings: Iterable[Saying]) -> list[list[Saying]]:
    """Message by message. Of one instant, first what has nothing to do with an alias, then the aliases, then what
    names their new ids.
    """
    by_moment: dict[tuple[datetime, str], list[Saying]] = {}
    for one in sayings:
        by_moment.setdefault(one.moment, []).append(one)
    by_instant: dict[datetime, list[list[Saying]]] = {}
    for at, message_id in sorted(by_moment):
        by_instant.setdefault(at, []).append(by_moment[at, message_id])
    ordered = []
    for together in by_instant.values():
        new_ids = {one.id for message in together for one in message if one.kind == "alias"}
        aliases = [message for message in together if any(one.kind == "alias" for one in message)]
        others = [message for message in together if message not in aliases]
        naming = [
            message
            for message in others
            if any(each in new_ids for one in message for each in (one.id, one.other))
        ]
        ordered += [message for message in others if message not in naming] + aliases + naming
    return ordered


def hear(shop: Shop, message: Sequence[Saying]) -> None:
    """One message: ids that come together first help each other to an owner, so that none becomes a stranger."""
    pairs = sorted((one for one in message if one.kind == "same"), key=lambda one: (one.id, one.other))
    rest = sorted(
        (one for one in message if one.kind != "same"), key=lambda one: (one.browser, one.id, one.other)
    )
    for pair in pairs:
        share(shop, pair.id, pair.other)
    for one in rest:
        if one.kind in ("identify", "track", "merge"):
            sign_in(shop, one)
        elif one.kind == "alias":
            add_id(shop, one)
        elif one.kind == "seen":
            shop.owners.setdefault(one.id, Person(one.id))
    for pair in pairs:
        if pair.other not in shop.owners:
            shop.owners.setdefault(pair.id, Person(pair.id))
        share(shop, pair.id, pair.other)
        if shop.owners[pair.id] is not shop.owners[pair.other]:
            shop.wishes.append((pair, pair.other, pair.id))


def share(shop: Shop, one: Id, other: Id) -> None:
    for known, unknown in ((one, other), (other, one)):
        if known in shop.owners and unknown not in shop.owners:
            shop.owners[unknown] = shop.owners[known]
            shop.owners[known].is_anonymous = False


def sign_in(shop: Shop, one: Saying) -> None:
    sitting = shop.at_browser(one.browser)
    owner = shop.owners.get(one.id)
    if one.kind == "merge" and not sitting.is_anonymous and owner is not sitting:
        shop.owners.setdefault(one.id, Person(one.id))
        shop.wishes.append((one, one.id, (BROWSER, one.browser)))
        return
    if owner is None:
        owner = sitting if sitting.is_anonymous else Person(one.id)
        shop.owners[one.id] = owner
    was_anonymous = sitting.is_anonymous
    owner.is_anonymous = False
    if owner is sitting:
        return
    if was_anonymous:
        shop.replace(sitting, owner)
    else:
        shop.seats[one.browser].append((one.at, owner))


def add_id(shop: Shop, one: Saying) -> None:
    """A further id of whoever has the previous one, else of who sits at the browser."""
    of_previous = one.other in shop.owners
    person = shop.owners[one.other] if of_previous else shop.at_browser(one.browser)
    if shop.owners.setdefault(one.id, person) is not person:
        shop.wishes.append((one, one.id, one.other if of_previous else None))


def is_for_the_end(one: Saying) -> bool:
    """Merges of two customers, or of two browsers; a browser merged into a customer is a sign-in."""
    return one.kind == "merge" and (not one.browser or one.id[0] == BROWSER)


def make_one(shop: Shop, merge: Saying) -> None:
    """Of a browser it is about who was there first. Two people who have both signed in stay apart then; of
    somebody who has and somebody who has not, the name of the first stays.
    """
    kept = first_owner(shop, merge.id)
    other_id = (BROWSER, merge.browser) if merge.browser else merge.other
    other = first_owner(shop, other_id)
    if kept is other:
        return
    if BROWSER in (merge.id[0], other_id[0]) and not other.is_anonymous:
        if not kept.is_anonymous:
            shop.wishes.append((merge, merge.id, other_id))
            return
        kept, other = other, kept
    kept.is_anonymous = kept.is_anonymous and other.is_anonymous
    shop.replace(other, kept)


def first_owner(shop: Shop, each: Id) -> Person:
    if each[0] == BROWSER:
        return shop.at_browser(each[1], EVER)
    return shop.owners.setdefault(each, Person(each))


def came_true(shop: Shop, saying: Saying, about: Id, wanted: Id | None) -> bool:
    """Whether what was refused is so after all, by a later sign-in or decision."""
    person = first_owner(shop, wanted) if wanted else shop.at_browser(saying.browser, saying.at)
    return first_owner(shop, about) is person
