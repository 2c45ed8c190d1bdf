"""Settings of ids: what each type does, how many a customer may have, and which ids mean nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.accounts.deciders import names_of_deciders
from shopalytic.accounts.models import IdRuleRow, NeverId
from shopalytic.errors import Rejected
from shopalytic.identity.id_rules import (
    RuleChoice,
    TypeOfId,
    WrongIdRule,
    choice_of,
    count_over,
    list_rules,
    list_types,
    save_rule,
)
from shopalytic.identity.ids import EMAIL, USER_ID, VISITOR, ForbiddenId
from shopalytic.identity.never import add_never, list_never, parse_never, remove_never
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages

NAMES = {USER_ID: "What the shop calls a customer", EMAIL: "E-mail address", VISITOR: "Browsers"}
LINKS = {
    "hard": RuleChoice(),
    "told": RuleChoice(is_told_by_property=True),
    "soft": RuleChoice(is_hard=False),
}


@dataclass(frozen=True)
class TypeShown:
    """One type: what it does now, and which form fits it. links: as the form's choice says it."""

    of: TypeOfId
    about: str
    sentence: str
    links: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One line of the history."""

    row: IdRuleRow
    sentence: str


@pages.get("/settings/ids", endpoint="ids")
def show_ids() -> str:
    return ids_page()


@pages.post("/settings/ids", endpoint="save_id_rule")
@owners_only
def take_id_rule() -> Any:
    name = request.form.get("type", "")
    try:
        choice = parse_choice()
        with get_parts().sessions.begin() as db:
            row = save_rule(db, here().project.id, name, choice, by=f"user:{here().user.id}")
        over = count_those_over(row)
    except WrongIdRule as error:
        return Response(ids_page(problem=error, of=name), 422)
    if row is None:
        return redirect(url_for("dashboard.ids", same=name))
    return redirect(url_for("dashboard.ids", saved=row.id_type, over=over or None))


@pages.post("/settings/ids/never", endpoint="add_never")
@owners_only
def take_add_never() -> Any:
    try:
        wanted = parse_never(request.form.get("type", ""), request.form.get("value", ""))
        with get_parts().sessions.begin() as db:
            add_never(db, here().project.id, wanted, f"user:{here().user.id}")
    except (ForbiddenId, Rejected) as error:
        return Response(ids_page(problem=error, of="never"), 422)
    return redirect(url_for("dashboard.ids", saved="never", _anchor="never"))


@pages.post("/settings/ids/never/<int:never_id>/remove", endpoint="remove_never")
@owners_only
def take_remove_never(never_id: int) -> Any:
    with get_parts().sessions.begin() as db:
        remove_never(db, here().project.id, never_id, f"user:{here().user.id}")
    return redirect(url_for("dashboard.ids", saved="removed", _anchor="never"))


def count_those_over(row: IdRuleRow | None) -> int:
    """After the saving: it may take seconds, in which nobody should wait."""
    if row is None or row.max_per_customer is None:
        return 0
    with reading(get_parts().sessions) as db:
        return count_over(db, row.project_id, row.id_type, row.max_per_customer)


def ids_page(*, problem: ForbiddenId | Rejected | None = None, of: str = "") -> str:
    """of: the type whose form was refused, or `never`; what was typed there stays."""
    now = datetime.now(UTC)
    with reading(get_parts().sessions) as db:
        types = list_types(db, here().project.id)
        rules = list_rules(db, here().project.id)
        listed = [row for row in list_never(db, here().project.id) if is_on_list(row, now)]
        names = names_of_deciders(db, {*(row.set_by for row in rules), *(row.set_by for row in listed)})
    return render_template(
        "dashboard/ids.html",
        types=[shown(one) for one in types],
        history=[Change(row, tell(row.id_type, choice_of(row))) for row in rules[:50]],
        listed=listed,
        now=now,
        names=names,
        problem=problem,
        of=of,
        form=request.form,
        saved=request.args.get("saved", ""),
        same=request.args.get("same", ""),
        over=re.sub(r"[^0-9]", "", request.args.get("over", ""))[:9],
    )


def is_on_list(row: NeverId, now: datetime) -> bool:
    """One that was taken off stays in sight as long as it counts."""
    return row.ends_at is None or now < row.ends_at


def shown(one: TypeOfId) -> TypeShown:
    choices = {USER_ID: ("hard",), VISITOR: ("hard",), EMAIL: ("hard", "told", "soft")}.get(
        one.name, ("hard", "soft")
    )
    return TypeShown(one, NAMES.get(one.name, ""), tell(one.name, one.choice), links_of(one.choice), choices)


def links_of(choice: RuleChoice) -> str:
    return "soft" if not choice.is_hard else "told" if choice.is_told_by_property else "hard"


def tell(name: str, choice: RuleChoice) -> str:
    """What is set of a type, in sentences."""
    if not choice.is_hard:
        return "Kept with the event, links nobody."
    what = "Counts as an id where a property tells it, too. " if choice.is_told_by_property else ""
    most = choice.max_per_customer
    many = "any number of" if most is None else "one" if most == 1 else f"at most {most:,}"
    things = ("browser" if most == 1 else "browsers") if name == VISITOR else ("id" if most == 1 else "ids")
    others = "ids" if name == VISITOR else "browsers and other ids"
    day = choice.new_links_per_day
    per_day = (
        "New links are not limited."
        if day is None
        else f"After {day:,} new link{'' if day == 1 else 's'} with {others} in a day, further ones wait."
    )
    return f"{what}A customer has {many} {things}. {per_day}"


def parse_choice() -> RuleChoice:
    """Raises WrongIdRule."""
    links = LINKS.get(request.form.get("links", "hard"))
    if links is None:
        raise WrongIdRule("Choose what an id of this type does.", at="links")
    return RuleChoice(
        is_hard=links.is_hard,
        is_told_by_property=links.is_told_by_property,
        max_per_customer=_number("max_per_customer", "At most per customer"),
        new_links_per_day=_number("new_links_per_day", "New links a day"),
    )


def _number(name: str, label: str) -> int | None:
    """None for an empty field. Raises WrongIdRule."""
    text = request.form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise WrongIdRule(f"{label}: write a whole number from 1 on, or nothing for no limit.", at=name)
    return int(text)
