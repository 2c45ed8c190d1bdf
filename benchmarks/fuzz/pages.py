"""The dashboard's pages over whatever was stored: each answers, whatever its events hold."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator

from shopalytic.accounts.models import Member, Project
from shopalytic.accounts.users import create_user, session_stamp
from shopalytic.app import create_app
from shopalytic.settings import Settings

EMAIL = "owner@shop.example"
CUSTOMERS = 25
PATHS = (
    "/", "/live", "/live?bots=1", "/customers", "/customers?q=known-one", "/violations?span=week", "/violations?kind=missing",
    "/?days=99999999999999999999", "/live?cursor=x", "/customers?cursor=x", f"/plan?version={10**25}",
    f"/plan/versions?version={10**25}", f"/plan/file?version={10**25}", "/quarantine?reason=x&rule=rename&at=a..b&value=",
    "/plan/event?event=wish", "/plan/versions", "/plan/file", "/quarantine", "/plan", "/plan/learn", "/debugger", "/settings", "/erasures",
)  # fmt: skip


def look_at_pages(settings: Settings, customer_ids: Iterable[str], answers: Counter[str]) -> Iterator[str]:
    """Open all pages of the one project as its owner; gives a sentence for each that is a server's error."""
    app = create_app(settings)
    parts = app.extensions["shopalytic"]
    client = app.test_client()
    with parts.sessions.begin() as db:
        project = db.query(Project).order_by(Project.id.desc()).first()
        user = create_user(db, EMAIL, secrets.token_urlsafe(16))
        db.flush()
        db.add(Member(user_id=user.id, project_id=project.id, role="owner"))
        base = f"/projects/{project.id}"
        with client.session_transaction() as session:
            session["user"], session["stamp"] = user.id, session_stamp(user)
    for path in (*PATHS, *(f"/customers/{each}" for each in sorted(set(customer_ids))[:CUSTOMERS])):
        response = client.get(base + path)
        answers[f"pages {response.status_code}"] += 1
        is_sign_in = response.location and "/sign-in" in response.location
        if response.status_code >= 500 or response.status_code in (401, 403) or is_sign_in:
            yield f"{path} answered {response.status_code}: {response.text[:300]}"
    for path in (f"/projects/{10**30}/", "/projects/0/"):
        if client.get(path).status_code != 404:
            yield f"{path} is answered, though there is no such project"
    parts.stream.close()
