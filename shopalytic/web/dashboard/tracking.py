"""Tracking a customer no more, and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, abort, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.accounts.deciders import names_of_deciders
from shopalytic.errors import NotFound
from shopalytic.identity.strip import read_holdings
from shopalytic.privacy.stops import (
    StopRecord,
    find_stopped,
    list_stops,
    resume_stop,
    resume_tracking,
    stop_tracking,
)
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages

WORD = "stop"
"""What is typed: orders that are not counted meanwhile do not come back."""


@dataclass(frozen=True)
class Tracking:
    """stopped: of a customer's ids those that are stopped, each with from when on. ids: how many could be; browsers that
    others use too cannot."""

    stopped: dict[tuple[str, str], datetime]
    ids: int

    @property
    def since(self) -> datetime | None:
        return min(self.stopped.values(), default=None)

    @property
    def is_partly(self) -> bool:
        return 0 < len(self.stopped) < self.ids


def read_tracking(person: people.Person) -> Tracking:
    ids = [(one.type, one.value) for one in person.ids]
    with reading(get_parts().sessions) as db:
        stopped = find_stopped(db, here().project.id, ids)
        shared = read_holdings(db, here().project.id, person.customer_id).shared if stopped else []
    return Tracking(stopped, len([one for one in ids if one[1] not in shared or one in stopped]))


@pages.get("/customers/<uuid:customer_id>/stop", endpoint="stop")
@owners_only
def show_stop(customer_id: UUID) -> str:
    return stop_page(customer_id)


@pages.post("/customers/<uuid:customer_id>/stop", endpoint="do_stop")
@owners_only
def take_stop(customer_id: UUID) -> Any:
    if request.form.get("word", "").strip().lower() != WORD:
        return Response(stop_page(customer_id, problem=f"Type {WORD} to confirm."), 422)
    try:
        stop_tracking(get_parts(), here().values, customer_id, by=_by())
    except NotFound:
        abort(404)
    return redirect(url_for("dashboard.customer", customer_id=customer_id, _anchor="data"))


@pages.post("/customers/<uuid:customer_id>/resume", endpoint="resume")
@owners_only
def take_resume(customer_id: UUID) -> Any:
    try:
        resume_tracking(get_parts(), here().values, customer_id, by=_by())
    except NotFound:
        abort(404)
    return redirect(url_for("dashboard.customer", customer_id=customer_id, _anchor="data"))


@pages.post("/stops/<uuid:stop_id>/resume", endpoint="resume_stop")
@owners_only
def take_resume_stop(stop_id: UUID) -> Any:
    try:
        resume_stop(get_parts().sessions, here().project.id, str(stop_id), by=_by())
    except NotFound:
        abort(404)
    return redirect(url_for("dashboard.erasures", _anchor="stops"))


def stop_page(customer_id: UUID, *, problem: str = "") -> str:
    person = people.find_person(get_parts(), here().values, customer_id)
    if person is None:
        abort(404)
    change = stop_tracking(get_parts(), here().values, customer_id, by=_by(), is_dry_run=True)
    return render_template("dashboard/stop.html", person=person, change=change, word=WORD, problem=problem)


def read_stops() -> list[tuple[StopRecord, str]]:
    """Each with who asked for it."""
    found = list_stops(get_parts().sessions, here().project.id)
    with reading(get_parts().sessions) as db:
        names = names_of_deciders(db, {one.asked_by for one in found})
    return [(one, names[one.asked_by]) for one in found]


def _by() -> str:
    return f"user:{here().user.id}"
