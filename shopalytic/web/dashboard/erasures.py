"""A person's rights: a copy of everything, anonymise, forget, and the proofs of what was erased."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from flask import Response, abort, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.accounts.deciders import names_of_deciders
from shopalytic.accounts.models import Erasure
from shopalytic.errors import NotFound, Rejected
from shopalytic.privacy.record import (
    DONE,
    NAMING_STEPS,
    Forecast,
    Kind,
    ask,
    forecast_of,
    list_erasures,
)
from shopalytic.privacy.record import forecast as forecast_erasure
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.export import export_pieces
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.tracking import read_stops

WORDS = {"anonymise": "anonymise", "forget": "forget"}
"""What is typed before it is done: a click alone may be a slip, and nothing brings a person back."""


@dataclass(frozen=True)
class Proof:
    """One line of the list. state: `waiting`, `gone` (but for the last files) or `done`."""

    row: Erasure
    forecast: Forecast
    by: str
    state: str


@pages.get("/customers/<uuid:customer_id>/erase/<any(anonymise, forget):kind>", endpoint="erase")
@owners_only
def show_erase(customer_id: UUID, kind: str) -> Any:
    return erase_page(customer_id, cast(Kind, kind))


@pages.post("/customers/<uuid:customer_id>/erase/<any(anonymise, forget):kind>", endpoint="do_erase")
@owners_only
def take_erase(customer_id: UUID, kind: str) -> Any:
    if request.form.get("word", "").strip().lower() != WORDS[kind]:
        return Response(
            erase_page(customer_id, cast(Kind, kind), problem=f"Type {WORDS[kind]} to confirm."), 422
        )
    try:
        asked = ask(
            get_parts(), here().values, customer_id, cast(Kind, kind), asked_by=f"user:{here().user.id}"
        )
    except NotFound:
        abort(404)
    except Rejected as error:
        return Response(erase_page(customer_id, cast(Kind, kind), problem=error.message), 422)
    return redirect(url_for("dashboard.erasures", asked=asked.erasure_id))


@pages.get("/erasures", endpoint="erasures")
def show_erasures() -> str:
    return render_template(
        "dashboard/erasures.html",
        proofs=read_proofs(),
        stops=read_stops(),
        asked=request.args.get("asked", ""),
    )


@pages.get("/customers/<uuid:customer_id>/export", endpoint="export_customer")
def show_export(customer_id: UUID) -> Any:
    """One JSON file, to be saved. Whoever sees the customer's page sees no more in it."""
    try:
        pieces = export_pieces(Asked(get_parts(), here().values, datetime.now(UTC)), customer_id)
    except NotFound:
        abort(404)
    name = f"customer-{customer_id}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(pieces, mimetype="application/json", headers=headers)


def erase_page(customer_id: UUID, kind: Kind, *, problem: str = "") -> str:
    person = people.find_person(get_parts(), here().values, customer_id)
    expected = forecast_erasure(get_parts(), here().values, customer_id)
    if person is None or expected is None:
        abort(404)
    return render_template(
        "dashboard/erase.html",
        person=person, kind=kind, word=WORDS[kind], forecast=expected, problem=problem,
    )  # fmt: skip


def read_proofs() -> list[Proof]:
    rows = list_erasures(get_parts().sessions, here().project.id)
    with reading(get_parts().sessions) as db:
        names = names_of_deciders(db, {row.asked_by for row in rows})
    return [Proof(row, forecast_of(row), names[row.asked_by], _state(row)) for row in rows]


def _state(row: Erasure) -> str:
    if row.step == DONE:
        return "done"
    return "waiting" if row.step in NAMING_STEPS else "gone"
