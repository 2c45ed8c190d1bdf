"""Who has signed in, and whether the project of the address is one of theirs. For anybody else it does not exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Blueprint, Response, abort, current_app, g, redirect, request, session, url_for
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Project, User
from shopalytic.accounts.plans import Plans
from shopalytic.accounts.sandboxes import open_sandbox
from shopalytic.accounts.users import find_membership, projects_of, session_stamp
from shopalytic.parts import Parts
from shopalytic.reports.project import Project as ProjectValues
from shopalytic.web.dashboard.addresses import ProjectAddress
from shopalytic.web.dashboard.safety import guard

P = ParamSpec("P")
R = TypeVar("R")

pages = guard(Blueprint("dashboard", __name__, url_prefix="/projects/<project:project_id>"))
"""Every page of a project. Their views take no `project_id`: see `here`."""

WITH_DATA = frozenset(
    """
    overview live live_new debugger debugger_new violations quarantine replay customers customer timeline erase do_erase
    property stop do_stop resume resume_stop erasures export_customer empty_sandbox
    conflicts conflict decide_conflict reopen_conflict
    customer_identity undo_link do_undo_link split do_split merge merge_with do_merge decisions undo_decision do_undo_decision
    """.split()  # noqa: SIM905
)
"""Pages about a project's data, which its sandbox has too. All others are about the project itself: from its sandbox they
lead to the project's, and nothing is changed there."""


@dataclass(frozen=True)
class Here:
    """Whose page of which project this request is about. The rows are detached: to change one, read it again.

    project: whose data the page is about; in a sandbox the project as it would be with the sandbox's id. shop: the
    project itself, whether or not this is its sandbox.
    """

    user: User
    project: Project
    role: str
    projects: list[Project]
    shop: Project

    @property
    def is_sandbox(self) -> bool:
        return self.project is not self.shop

    @property
    def is_owner(self) -> bool:
        return self.role == "owner"

    @property
    def values(self) -> ProjectValues:
        """The project as reports take it."""
        return ProjectValues(self.project.id, self.project.time_zone, self.project.currency)


def get_parts() -> Parts:
    parts: Parts = current_app.extensions["shopalytic"]
    return parts


def get_plans() -> Plans:
    """The tracking plans that this process has read."""
    plans: Plans = current_app.extensions["shopalytic.plans"]
    return plans


def here() -> Here:
    """Set by `open_project` before each view of `pages`."""
    found: Here = g.here
    return found


def sign_in(user: User) -> None:
    """Begin a new session: one that was there before, and might be known to somebody else, is dropped."""
    session.clear()
    session["user"] = user.id
    session["stamp"] = session_stamp(user)
    session.permanent = True


def find_signed_in(db: Session) -> User | None:
    """None where nobody has, where the user is gone, or has another password since."""
    user = db.get(User, session["user"]) if "user" in session else None
    if user is None or session.get("stamp") != session_stamp(user):
        return None
    return user


@pages.url_value_preprocessor
def take_project_id(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.address = (values or {}).pop("project_id", None)


@pages.url_defaults
def put_project_id(endpoint: str, values: dict[str, Any]) -> None:
    """A page's links lead to the same project unless they name another; a sandbox's stay in it where they can."""
    address = g.get("address")
    if address is not None:
        is_sandbox = address.is_sandbox and endpoint.partition(".")[2] in WITH_DATA
        values.setdefault("project_id", ProjectAddress(address.project_id, is_sandbox))


@pages.before_request
def open_project() -> Any:
    with reading(get_parts().sessions) as db:
        user = find_signed_in(db)
        if user is None:
            return ask_to_sign_in()
        member = find_membership(db, user, g.address.project_id)
        if member is None:
            abort(404)
        projects = projects_of(db, user)
        shop = next(project for project in projects if project.id == g.address.project_id)
    session["project"] = shop.id
    g.here = Here(user, shop, member.role, projects, shop)
    return enter_sandbox() if g.address.is_sandbox else None


def enter_sandbox() -> Any:
    """From here on the request is about the sandbox's data. A redirect where the page has none of it."""
    endpoint = request.endpoint or ""
    if endpoint.partition(".")[2] not in WITH_DATA:
        if request.method != "GET":
            abort(404)
        query = request.query_string.decode("latin-1")
        return redirect(url_for(endpoint, **(request.view_args or {})) + (f"?{query}" if query else ""))
    shop = here().shop
    columns = {column.key: getattr(shop, column.key) for column in inspect(Project).column_attrs}
    data = Project(**columns | {"id": open_sandbox(get_parts().sessions, shop.id)})
    g.here = replace(here(), project=data)
    return None


@pages.context_processor
def page_values() -> dict[str, Any]:
    return {"here": here()} if "here" in g else {}


def owners_only(view: Callable[P, R]) -> Callable[P, R]:
    """Other members see the page, but may not change the project."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        expect_owner()
        return view(*args, **kwargs)

    return checked


def expect_owner() -> None:
    if not here().is_owner:
        abort(403, "Only an owner of the project may change this.")


def ask_to_sign_in() -> Any:
    """A redirect that a page's own request for a part of it would follow in vain: htmx is told to leave."""
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": url_for("auth.show_sign_in")})
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.show_sign_in", next=wanted))
