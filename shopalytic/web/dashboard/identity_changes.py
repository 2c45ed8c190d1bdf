"""Undo of a link, split and merge on a customer's page. Any member may: each can be taken back."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from flask import Response, abort, redirect, render_template, request, url_for
from sqlalchemy import select

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Link
from shopalytic.errors import Rejected
from shopalytic.identity.decisions import Decision, merge_customers, split_customer, undo_link
from shopalytic.identity.explain import links
from shopalytic.identity.ids import USER_ID, VISITOR
from shopalytic.identity.rules import Id
from shopalytic.identity.wording import Words, clause
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.customers import get_successor
from shopalytic.web.dashboard.deciding import Asking, answer, back, decide_page, find_made, show, try_out
from shopalytic.web.dashboard.formats import local
from shopalytic.web.dashboard.people import Person

IDS_SHOWN = 200
FOUND_SHOWN = 20
AGAIN = {
    "browser": "A new sign-in on this browser links it again.",
    "alias": "A new alias call of the shop links them again.",
    "same": "Further messages that name both do not link them again.",
}


@pages.get("/customers/<uuid:customer_id>/identity/undo/<int:link_id>", endpoint="undo_link")
def show_undo_link(customer_id: UUID, link_id: int) -> Any:
    return show(_undoing(get_person(customer_id), link_id))


@pages.post("/customers/<uuid:customer_id>/identity/undo/<int:link_id>", endpoint="do_undo_link")
def take_undo_link(customer_id: UUID, link_id: int) -> Any:
    return answer(_undoing(get_person(customer_id), link_id))


@pages.get("/customers/<uuid:customer_id>/identity/split", endpoint="split")
def show_split(customer_id: UUID) -> Any:
    person = people.find_person(get_parts(), here().values, customer_id)
    if person is None:
        return redirect(url_for("dashboard.split", customer_id=get_successor(customer_id)))
    return split_page(person, [])


@pages.post("/customers/<uuid:customer_id>/identity/split", endpoint="do_split")
def take_split(customer_id: UUID) -> Any:
    """First what was chosen is shown with what it would do; the form of that page says `confirmed`."""
    chosen = [_parse_id(text) for text in request.form.getlist("id")]
    asking = _splitting(get_person(customer_id), chosen)
    if request.form.get("confirmed"):
        return answer(asking)
    try:
        tried, after = try_out(asking)
    except Rejected as error:
        return Response(split_page(get_person(customer_id), chosen, problem=error.message), 422)
    return decide_page(asking, tried, after)


@pages.get("/customers/<uuid:customer_id>/identity/merge", endpoint="merge")
def show_merge(customer_id: UUID) -> Any:
    parts, project = get_parts(), here().values
    person = people.find_person(parts, project, customer_id)
    if person is None:
        return redirect(url_for("dashboard.merge", customer_id=get_successor(customer_id)))
    asked = request.args.get("q", "").strip()[:200]
    found = people.search(parts, project, asked) if asked else []
    rows = [row for row in found if row.customer_id != customer_id]
    return render_template(
        "dashboard/merge.html", person=person, q=asked, rows=rows[:FOUND_SHOWN], more=len(rows) > FOUND_SHOWN
    )


@pages.get("/customers/<uuid:customer_id>/identity/merge/<uuid:other_id>", endpoint="merge_with")
def show_merge_with(customer_id: UUID, other_id: UUID) -> Any:
    return show(_merging(get_person(customer_id), get_person(other_id)))


@pages.post("/customers/<uuid:customer_id>/identity/merge/<uuid:other_id>", endpoint="do_merge")
def take_merge(customer_id: UUID, other_id: UUID) -> Any:
    merged = request.form.get("named", "")
    done = find_made(partial(_is_merge_of, merged)) if merged else None
    if done is not None:
        return back(get_owner(customer_id), done)
    return answer(_merging(get_person(customer_id), get_person(other_id)))


def get_person(customer_id: UUID) -> Person:
    person = people.find_person(get_parts(), here().values, customer_id)
    if person is None:
        abort(404, "This customer is not there any more. Somebody may have merged it meanwhile.")
    return person


def get_owner(customer_id: UUID) -> UUID:
    """The customer, or who has what was this customer's."""
    person = people.find_person(get_parts(), here().values, customer_id)
    return person.customer_id if person else get_successor(customer_id)


def split_page(person: Person, chosen: list[Id], *, problem: str = "") -> str:
    asked = request.args.get("q", "").strip().lower()[:200]
    ids = [one for one in person.ids if asked in one.value.lower() or asked in one.type.lower()]
    shown = [(one, _pack_id((one.type, one.value))) for one in ids[:IDS_SHOWN]]
    checked = {_pack_id(each) for each in chosen}
    return render_template(
        "dashboard/split.html",
        person=person,
        q=asked,
        shown=shown,
        total=len(ids),
        checked=checked,
        problem=problem,
    )


def _undoing(person: Person, link_id: int) -> Asking:
    with reading(get_parts().sessions) as db:
        found = links(db, here().project.id, person.customer_id)
        row = db.execute(
            select(Link).where(Link.project_id == here().project.id, Link.id == link_id)
        ).scalar_one_or_none()
    link = next((one for one in found if one.link_id == link_id), None)
    if row is None:
        abort(404)
    words: Words = clause(link, {}) if link else []
    again = AGAIN["browser"] if row.tracking_id else AGAIN["same"]
    again = AGAIN["alias"] if row.kind == "alias" else again
    ids = [(row.id_type, row.id_value), (row.other_type, row.other_value), (VISITOR, row.tracking_id)]
    tie = {each for each in ids if each[1]}
    return Asking(
        title="Undo this link",
        words=words,
        at=local(row.occurred_at, here().project.time_zone),
        effects=[
            "All that was said of these two till now counts for nothing, however often it was said.",
            again,
            "Nothing is deleted: this can be taken back.",
        ],
        confirm="Undo the link",
        action=partial(undo_link, customer_id=person.customer_id, link_id=link_id),
        customer_id=person.customer_id,
        name=person.name,
        is_mine=lambda one: (
            not one.takes_back and one.kind == "undo" and any(set(entry.ids) == tie for entry in one.entries)
        ),
    )


def _splitting(person: Person, chosen: list[Id]) -> Asking:
    words: Words = []
    for number, each in enumerate(chosen[:5]):
        words += [", " if number else "", each]
    words += [f" and {len(chosen) - 5:,} more"] if len(chosen) > 5 else []
    return Asking(
        title=f"Split these off from {person.name}",
        words=words,
        at=None,
        effects=[
            "They become a customer of their own. What links them with the other ids counts for nothing.",
            "A new sign-in on one of these browsers links it again, with whoever signs in.",
            "Nothing is deleted: this can be taken back.",
        ],
        confirm="Split them off",
        action=partial(split_customer, customer_id=person.customer_id, ids=chosen),
        customer_id=person.customer_id,
        name=person.name,
        is_mine=lambda one: (
            one.kind == "split" and any(each in chosen for entry in one.entries for each in entry.ids)
        ),
        fields=[("confirmed", "yes"), *(("id", _pack_id(each)) for each in chosen)],
    )


def _merging(person: Person, other: Person) -> Asking:
    visitors = {one.customer_id: one.summary.tracking_id for one in (person, other) if one.summary}
    named = min(_ids(other), key=lambda each: (each[0] == VISITOR, each[0] != USER_ID, each), default=None)
    return Asking(
        title=f"Merge {person.name} with {other.name}",
        words=[f"{other.name} and {person.name} become one customer, with the history of both."],
        at=None,
        effects=[
            f"The page of {other.name if person.is_named else person.name} leads to the one that stays.",
            "Whoever signs in with an id of either is this customer.",
            "Nothing is deleted: this can be taken back, to the penny.",
        ],
        confirm="Merge them",
        action=partial(
            merge_customers, customer_id=person.customer_id, other_id=other.customer_id, visitors=visitors
        ),
        customer_id=person.customer_id,
        name=person.name,
        is_mine=partial(_is_merge_of, _pack_id(named) if named else ""),
        fields=[("named", _pack_id(named))] if named else [],
    )


def _is_merge_of(named: str, one: Decision) -> bool:
    return one.kind == "merge" and any(_pack_id(each) == named for entry in one.entries for each in entry.ids)


def _ids(person: Person) -> list[Id]:
    return [(one.type, one.value) for one in person.ids]


def _pack_id(each: Id) -> str:
    return msgspec.json.encode(each).decode()


def _parse_id(text: str) -> Id:
    try:
        return msgspec.json.decode(text, type=tuple[str, str])
    except msgspec.MsgspecError:
        abort(400, "The form names an id that is none.")
