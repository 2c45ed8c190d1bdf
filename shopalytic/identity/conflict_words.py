"""A refused link in words: what was said, and why nothing was done. Ids stay apart from the text."""

from __future__ import annotations

from shopalytic.identity.conflicts import Case
from shopalytic.identity.ids import USER_ID, VISITOR
from shopalytic.identity.rules import Id
from shopalytic.identity.wording import DOORS, Words

REASONS = {
    "owned_by_another": "Another customer’s",
    "second_of_unique_type": "A second one of its type",
    "too_many_ids": "Too many of its type",
    "too_many_links": "Waits: too many links",
    "both_identified": "Two people by now",
}
"""Reasons as a list names them; one of a later version stands as it is."""


def tell_said(case: Case) -> Words:
    """What the message said, with its door and page; begins small, ends without a full stop."""
    visitor: Id = (VISITOR, case.tracking_id)
    source = f"an {case.cause} call" if case.cause in ("identify", "alias") else f"the event {case.cause}"
    source += f" through {DOORS[case.door]}" if case.door in DOORS else ""
    match case.kind:
        case "identify":
            said: Words = [_call("identify", case.id), " was to link ", visitor, " with ", case.id]
        case "track":
            said = [f"{source} of ", visitor, " named ", case.id]
        case "alias":
            said = [_call("alias", case.id), " was to give ", case.other if case.other[1] else visitor]
            said += [" the further id ", case.id]
        case "same":
            said = [f"{source} named both ", case.other, " and ", case.id]
        case "merge":
            said = ["somebody decided that ", visitor if case.tracking_id else case.other, " and ", case.id]
            said += [" are one person"]
        case _:
            said = [f"{source} named ", case.id]
    if case.kind in ("identify", "alias") and case.door in DOORS:
        said.append(f", through {DOORS[case.door]}")
    where: Words = [f"on the page {case.url}, "] if case.url else []
    return [*where, *said]


def tell_why(case: Case) -> Words:
    """Why nothing was done; one sentence."""
    whom: Id = case.other if case.other[1] else (VISITOR, case.tracking_id)
    id_type = "browser" if case.id[0] == VISITOR else case.id[0]
    match case.reason:
        case "owned_by_another":
            return [
                case.id,
                " belongs to another customer than ",
                whom,
                ", and an id belongs to one customer.",
            ]
        case "second_of_unique_type":
            return [f"The customer has another {id_type} already, and this project allows one a customer: ",
                    case.id, " stayed apart from ", whom, "."]  # fmt: skip
        case "too_many_ids":
            return ["The customer has as many ids of a type as this project allows: ", case.id,
                    " stayed apart from ", whom, "."]  # fmt: skip
        case "too_many_links":
            return [case.id, " or ", whom, " had more new links in one day than this project allows, as a crawler or a "
                    "shared till has; this one waits for your decision."]  # fmt: skip
        case "both_identified":
            return ["Both browsers have become customers of their own since, so they were not joined."]
    return [f"The rules refused it: {case.reason}."]


def _call(name: str, user: Id) -> str:
    id_type, value = user
    return f"{name}('{value}')" if id_type == USER_ID else f"{name}({{{id_type}: '{value}'}})"
