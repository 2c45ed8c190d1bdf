"""What somebody decided of who is who: by whom, when, whether it still stands, and taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from flask import abort, render_template, request

from shopalytic.accounts.db import reading
from shopalytic.accounts.deciders import names_of_deciders
from shopalytic.identity.decisions import Decision, list_decisions, undo_decision
from shopalytic.identity.derived import read_owners
from shopalytic.identity.wording import Words, decision_clause, ends_of_entry
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.deciding import Asking, answer, show
from shopalytic.web.dashboard.formats import local, moment

DECISIONS_SHOWN = 200


@dataclass(frozen=True)
class Told:
    """One decision. at: in the project's zone. taken_back: by whom and when, '' where it stands."""

    made: Decision
    at: datetime
    words: Words
    taken_back: str
    customers: list[tuple[UUID, str]]


@pages.get("/decisions", endpoint="decisions")
def show_decisions() -> str:
    told = read_decisions(None, with_customers=True)
    return render_template("dashboard/decisions.html", told=told, limit=DECISIONS_SHOWN)


@pages.get("/decisions/<uuid:decision_id>/undo", endpoint="undo_decision")
def show_undo_decision(decision_id: UUID) -> Any:
    return show(_asking(decision_id))


@pages.post("/decisions/<uuid:decision_id>/undo", endpoint="do_undo_decision")
def take_undo_decision(decision_id: UUID) -> Any:
    return answer(_asking(decision_id))


def read_decisions(customer_id: UUID | None, *, with_customers: bool = False) -> list[Told]:
    """Of the project, or of a customer; newest first."""
    with reading(get_parts().sessions) as db:
        found = list_decisions(db, here().project.id, customer_id, limit=DECISIONS_SHOWN)
        names = names_of_deciders(db, {one.by for one in found})
        owners = _owners(found) if with_customers else {}
    return tell(found, names, owners, here().project.time_zone)


def tell(
    found: Sequence[Decision],
    names: Mapping[str, str],
    owners: Mapping[str, list[tuple[UUID, str]]],
    time_zone: str,
) -> list[Told]:
    by_id = {one.decision_id: one for one in found}

    def when(one: Decision) -> str:
        return moment(local(one.at, time_zone))

    def words(one: Decision) -> Words:
        target = by_id.get(one.takes_back)
        back = f"the {target.kind} of {when(target)}" if target else "an earlier decision"
        entries = [entry for entry in one.entries if entry.kind == "undo"] or one.entries
        pairs = [ends_of_entry(entry) for entry in entries]
        return decision_clause(names.get(one.by, one.by), one.kind, pairs, back if one.takes_back else "")

    def taken_back(one: Decision) -> str:
        if not one.undone_by:
            return ""
        undone = by_id.get(one.undone_by)
        return f"taken back by {names.get(undone.by, undone.by)}, {when(undone)}" if undone else "taken back"

    return [
        Told(one, local(one.at, time_zone), words(one), taken_back(one), owners.get(one.decision_id, []))
        for one in found
    ]


def _owners(found: Iterable[Decision]) -> dict[str, list[tuple[UUID, str]]]:
    """Whose the ids of each decision are now: customers with a name."""
    ids = {one.decision_id: {each for entry in one.entries for each in entry.ids} for one in found}
    with reading(get_parts().sessions) as db:
        timelines = read_owners(db, here().project.id, {each for some in ids.values() for each in some})
    customers = {
        key: list(
            dict.fromkeys(timelines[each][-1].customer_id for each in sorted(some) if each in timelines)
        )
        for key, some in ids.items()
    }
    wanted = {one for some in customers.values() for one in some}
    names = people.names_of(get_parts(), here().project.id, wanted)
    return {key: [(one, names[one]) for one in some if one in names] for key, some in customers.items()}


def _asking(decision_id: UUID) -> Asking:
    told = {one.made.decision_id: one for one in read_decisions(None, with_customers=True)}
    found = told.get(str(decision_id))
    if found is None:
        abort(404)
    made = found.made
    asked = request.args.get("customer", "")
    customer = next((one for one in found.customers if str(one[0]) == asked), None)
    return Asking(
        title=f"Take back the {made.kind}",
        words=found.words,
        at=found.at,
        effects=[
            "What it changed is as before; what was said since stays.",
            "This is a decision of its own and can be taken back, too.",
        ],
        confirm="Take it back",
        action=partial(undo_decision, decision_id=made.decision_id),
        customer_id=customer[0] if customer else None,
        name=customer[1] if customer else "",
        is_mine=lambda one: one.takes_back == made.decision_id,
    )
