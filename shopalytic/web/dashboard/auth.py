"""Signing in: with a one-time link that sets a password, later with e-mail address and password."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from shopalytic.accounts.db import reading
from shopalytic.accounts.sign_in_links import find_link_user, use_link
from shopalytic.accounts.users import PASSWORD_LENGTH, check_password, has_users, projects_of
from shopalytic.errors import ConfigurationError
from shopalytic.parts import Parts
from shopalytic.web.dashboard.access import ask_to_sign_in, find_signed_in, get_parts, sign_in
from shopalytic.web.dashboard.safety import guard

ADDRESS_LIMIT = "20 per 5 minutes"
EMAIL_LIMIT = "10 per 15 minutes"
"""Failed attempts. By e-mail address too: somebody who guesses may have many addresses of his own."""
WRONG = "E-mail address and password do not fit together."


def make_blueprint(app: Flask, parts: Parts) -> Blueprint:
    """With a limiter of its own, which counts in the queue's Redis, so that all web processes count together."""
    blueprint = guard(Blueprint("auth", __name__))
    limiter = make_limiter(app, parts)
    by_address = limiter.limit(ADDRESS_LIMIT, deduct_when=_was_refused)
    by_email = limiter.limit(EMAIL_LIMIT, key_func=_email_key, deduct_when=_was_refused)
    blueprint.add_url_rule("/", "home", home)
    blueprint.add_url_rule("/sign-in", "show_sign_in", show_sign_in)
    blueprint.add_url_rule("/sign-in", "take_sign_in", by_email(by_address(take_sign_in)), methods=["POST"])
    blueprint.add_url_rule("/sign-in/link/<text>", "show_link", show_link)
    blueprint.add_url_rule("/sign-in/link/<text>", "take_link", by_address(take_link), methods=["POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    return blueprint


def make_limiter(app: Flask, parts: Parts) -> Limiter:
    url = parts.settings.queue_url
    storage = f"redis+{url}" if url.startswith("unix://") else url
    app.config.setdefault("RATELIMIT_STORAGE_URI", storage)
    # Where Redis does not answer, each process counts for itself.
    app.config.setdefault("RATELIMIT_IN_MEMORY_FALLBACK_ENABLED", True)
    app.config.setdefault("RATELIMIT_KEY_PREFIX", "shopalytic-limit")
    return Limiter(get_remote_address, app=app)


def home() -> Any:
    """To the project looked at last, or the first one."""
    with reading(get_parts().sessions) as db:
        user = find_signed_in(db)
        if user is None:
            return redirect(url_for("auth.show_sign_in"))
        ids = [project.id for project in projects_of(db, user)]
    if not ids:
        return render_template("auth/no_project.html", user=user)
    last = session.get("project")
    return redirect(url_for("dashboard.overview", project_id=last if last in ids else ids[0]))


def show_sign_in() -> Any:
    with reading(get_parts().sessions) as db:
        if find_signed_in(db) is not None:
            return redirect(_next_address())
        return render_template("auth/sign_in.html", is_new=not has_users(db))


def take_sign_in() -> Any:
    with get_parts().sessions.begin() as db:
        user = check_password(db, request.form.get("email", ""), request.form.get("password", ""))
        if user is not None:
            sign_in(user)
            return redirect(_next_address())
    page = render_template("auth/sign_in.html", problem=WRONG, email=request.form.get("email", ""))
    return Response(page, 422)


def show_link(text: str) -> str:
    parts = get_parts()
    with reading(parts.sessions) as db:
        user = find_link_user(db, _secret_key(), text)
        return _link_page(user.email if user else None)


def take_link(text: str) -> Any:
    parts = get_parts()
    password = request.form.get("password", "")
    with parts.sessions.begin() as db:
        try:
            user = use_link(db, _secret_key(), text, request.form.get("email", ""), password)
        except ConfigurationError as error:
            problem = error
        else:
            sign_in(user)
            return redirect(url_for("auth.home"))
    with reading(parts.sessions) as db:
        known = find_link_user(db, _secret_key(), text)
        return Response(_link_page(known.email if known else None, problem), 422)


def sign_out() -> Any:
    with reading(get_parts().sessions) as db:
        if find_signed_in(db) is None:
            return ask_to_sign_in()
    session.clear()
    return redirect(url_for("auth.show_sign_in"))


def _link_page(known_email: str | None, problem: ConfigurationError | None = None) -> str:
    return render_template(
        "auth/link.html",
        known_email=known_email,
        email=request.form.get("email", ""),
        problem=problem,
        password_length=PASSWORD_LENGTH,
    )


def _next_address() -> str:
    """The page that was asked for before signing in; never one of another server."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/projects/") and not parts.netloc and not parts.scheme
    return wanted if is_ours and "\\" not in wanted else url_for("auth.home")


def _secret_key() -> str:
    return str(current_app.config["SECRET_KEY"])


def _email_key() -> str:
    return "email:" + request.form.get("email", "").strip().lower()[:254]


def _was_refused(response: Response) -> bool:
    return response.status_code >= 400
