"""Who has signed in, and whether the project of the address is one of theirs. For anybody else it does not exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Blueprint, Response, abort, current_app, g, redirect, request, session, url_for
from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Project, User
from shopalytic.accounts.plans import Plans
from shopalytic.accounts.users import find_membership, projects_of, session_stamp
from shopalytic.parts import Parts
from shopalytic.reports.project import Project as ProjectValues
from shopalytic.web.dashboard.safety import guard

P = ParamSpec("P")
R = TypeVar("R")

pages = guard(Blueprint("dashboard", __name__, url_prefix="/projects/<int:project_id>"))
"""Every page of a project. Their views take no `project_id`: see `here`."""


@dataclass(frozen=True)
class Here:
    """Whose page of which project this request is about. The rows are detached: to change one, read it again."""

    user: User
    project: Project
    role: str
    projects: list[Project]

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
    g.project_id = (values or {}).pop("project_id", None)


@pages.url_defaults
def put_project_id(endpoint: str, values: dict[str, Any]) -> None:
    """A page's links lead to the same project unless they name another."""
    if "project_id" in g:
        values.setdefault("project_id", g.project_id)


@pages.before_request
def open_project() -> Any:
    with reading(get_parts().sessions) as db:
        user = find_signed_in(db)
        if user is None:
            return ask_to_sign_in()
        member = find_membership(db, user, g.project_id)
        if member is None:
            abort(404)
        projects = projects_of(db, user)
        project = next(project for project in projects if project.id == g.project_id)
        g.here = Here(user, project, member.role, projects)
    session["project"] = project.id
    return None


@pages.context_processor
def page_values() -> dict[str, Any]:
    return {"here": here()} if "here" in g else {}


def owners_only(view: Callable[P, R]) -> Callable[P, R]:
    """Other members see the page, but may not change the project."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if not here().is_owner:
            abort(403, "Only an owner of the project may change this.")
        return view(*args, **kwargs)

    return checked


def ask_to_sign_in() -> Any:
    """A redirect that a page's own request for a part of it would follow in vain: htmx is told to leave."""
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": url_for("auth.show_sign_in")})
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.show_sign_in", next=wanted))
