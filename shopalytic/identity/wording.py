"""What a link, or a decision about links, is in words: ids stay apart from the text, so that a page can show them as ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from shopalytic.identity.ids import USER_ID, VISITOR
from shopalytic.identity.rules import NO_ID, Entry, Id

if TYPE_CHECKING:
    from shopalytic.identity.explain import CustomerLink

Words = list[str | Id]
"""Texts and ids, in their order."""

DOORS = {
    "segment": "Segment’s door",
    "exponea": "Exponea’s door",
    "pixel": "the pixel",
    "import": "an import",
    "webhook": "a webhook",
    "dashboard": "the dashboard",
    "api": "the API",
}
"""Those worth a word: what came natively goes without saying."""
PAIRS_SHOWN = 3
ERASED = "erased"
"""The cause of an entry that keeps the place of an erased person in a browser that others share."""
REASONS = {
    "owned_by_another": "they belong to different customers",
    "second_of_unique_type": "a customer has only one id of this type",
    "too_many_ids": "the customer has as many ids of this type as the project allows",
    "too_many_links": "one of them had too many new links that day, so it waits for a decision",
    "both_identified": "both have become customers of their own since",
}


def clause(link: CustomerLink, names: Mapping[str, str]) -> Words:
    """What was said or decided, without when; begins small, ends without a full stop.

    names: what those are called who decided; who is not in it is called what the ledger calls him.
    """
    visitor, user, other = (VISITOR, link.tracking_id), (link.type, link.value), link.other
    by = names.get(link.decided_by, link.decided_by)
    said: Words
    match link.kind:
        case "identify" if link.cause == ERASED:
            said = ["somebody who was erased since signed in on ", visitor]
        case "identify":
            said = [f"{_call('identify', user)}{_through(link)} linked ", visitor, " with ", user]
        case "track":
            said = [f"{_source(link)} of ", visitor, " named ", user, ", which linked them"]
        case "alias":
            said = [f"{_call('alias', user)}{_through(link)} gave ", other if link.of_other else visitor]
            said += [" the further id ", user]
        case "same":
            said = [f"{_source(link)} named both ", user, " and ", other, ", which made them one customer’s"]
        case "merge":
            first, second = ends_of(link)
            verb = "kept" if link.cause == "split" else "merged"
            said = [f"{by or 'somebody'} {verb} ", first, " and " if verb == "kept" else " with ", second]
            said += [" together"] if verb == "kept" else []
        case "undo":
            first, second = ends_of(link)
            what = "took back an earlier decision about" if link.target else "undid the link between"
            said = [f"{by or 'somebody'} {what} ", first, " and ", second]
        case _:
            said = [user, f" was first seen, without a browser: {_source(link)} named it"]
    where: Words = [f"on the page {link.url}, "] if link.url else []
    return [*where, *said, _effect(link)]


def decision_clause(by: str, kind: str, pairs: Sequence[tuple[Id, Id]], taken_back: str = "") -> Words:
    """What somebody decided at once, without when. kind: `undo`, `split`, `merge`.

    pairs: between which ids. taken_back: of an undo of a decision, what that was, such as `the merge of 3 May`.
    """
    by = by or "somebody"
    shown: Words = []
    for number, (first, second) in enumerate(pairs[:PAIRS_SHOWN]):
        shown += [", " if number else "", first, " and ", second]
    more = len(pairs) - PAIRS_SHOWN
    shown += [f", and {more:,} more"] if more > 0 else []
    if taken_back:
        return [f"{by} took back {taken_back}: ", *shown]
    match kind:
        case "merge":
            return [f"{by} decided that these are one person: ", *shown]
        case "split":
            return [f"{by} split the customer; no longer linked: ", *shown]
        case _:
            return [f"{by} undid the link between ", *shown]


def ends_of(link: CustomerLink) -> tuple[Id, Id]:
    """Between which two ids the link is; a `seen` one names one only, and gives it twice."""
    user = link.type, link.value
    if link.kind == "seen":
        return user, user
    if (link.kind == "alias" and link.of_other) or (
        link.kind == "undo" and link.tracking_id and link.other[1]
    ):
        return link.other, user
    if link.tracking_id:
        return (VISITOR, link.tracking_id), user
    return user, link.other


def ends_of_entry(entry: Entry) -> tuple[Id, Id]:
    """Between which two ids an entry of a decision is."""
    if entry.tracking_id and entry.other == NO_ID:
        return (VISITOR, entry.tracking_id), entry.id
    return (entry.other, entry.id) if entry.tracking_id else (entry.id, entry.other)


def spell(words: Iterable[str | Id]) -> str:
    """As one text."""
    return "".join(one if isinstance(one, str) else name_of_id(one) for one in words)


def name_of_id(one: Id) -> str:
    """`browser 8f3c…`, `user_id 42`."""
    id_type, value = one
    return f"{'browser' if id_type == VISITOR else id_type} {value}"


def _effect(link: CustomerLink) -> str:
    if not link.active:
        return "; this was undone" if link.kind != "undo" else "; this was taken back"
    if link.refused:
        return f"; refused, since {REASONS.get(link.refused, link.refused)}"
    if link.earlier_elsewhere:
        return "; from then on its events are this customer’s, earlier ones stay where they were"
    return ""


def _call(name: str, user: Id) -> str:
    id_type, value = user
    return f"{name}('{value}')" if id_type == USER_ID else f"{name}({{{id_type}: '{value}'}})"


def _source(link: CustomerLink) -> str:
    what = f"an {link.cause} call" if link.cause in ("identify", "alias") else f"the event {link.cause}"
    return f"{what}{_through(link)}"


def _through(link: CustomerLink) -> str:
    return f" through {DOORS[link.door]}" if link.door in DOORS else ""
